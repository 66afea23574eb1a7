"""Runs one suite of eclipse/paho.mqtt.testing against a broker: DIR SUITE PORT [TEST ...].

DIR is `interoperability/` of a checkout. The suites read host, port and topics from module variables
that only their own command line sets, and each in its own way; here they are set for both alike.
"""
import importlib
import logging
import sys
import unittest

TOPICS = ("TopicA", "TopicA/B", "Topic/C", "TopicA/C", "/TopicA")
FILTERS = ("TopicA/+", "+/C", "#", "/#", "/+", "+/+", "TopicA/#")

directory, name, port, *tests = sys.argv[1:]
sys.path.insert(0, directory)
suite = importlib.import_module(name)
suite.host = "127.0.0.1"
suite.port = int(port)
suite.topic_prefix = "client_test5/"
suite.topics = TOPICS
suite.wildtopics = FILTERS
suite.nosubscribe_topics = ("test/nosubscribe",)
logging.getLogger().setLevel(logging.ERROR)
unittest.main(module=suite, argv=[name, "-v", *tests])
