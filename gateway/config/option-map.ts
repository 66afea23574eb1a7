/** Options before they are checked: maps within maps, laid over each other. */
export type OptionMap = Record<string, unknown>

export const isMap = (value: unknown): value is OptionMap =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

/** Lays `over` over `target`, map by map; a list or a value replaces what was there. */
export function mergeInto(target: OptionMap, over: OptionMap): void {
  for (const [key, value] of Object.entries(over)) {
    const under = target[key]
    if (isMap(value) && isMap(under)) mergeInto(under, value)
    else target[key] = value
  }
}

export function setIn(target: OptionMap, path: readonly string[], value: unknown): void {
  const [key, ...inner] = path
  if (key === undefined) return
  mergeInto(target, { [key]: inner.reduceRight<unknown>((of, name) => ({ [name]: of }), value) })
}
