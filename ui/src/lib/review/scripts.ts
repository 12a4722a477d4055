// Words whose letters come from several alphabets that look alike: a Cyrillic а in a Latin name is another name to every computer.

/** Alphabets whose letters are mistaken for each other. Japanese or Korean beside Latin is ordinary writing. */
const alike: readonly (readonly [string, RegExp])[] = [
  ['Latin', /\p{Script=Latin}/u],
  ['Greek', /\p{Script=Greek}/u],
  ['Cyrillic', /\p{Script=Cyrillic}/u],
  ['Armenian', /\p{Script=Armenian}/u],
  ['Cherokee', /\p{Script=Cherokee}/u],
  ['Coptic', /\p{Script=Coptic}/u],
];

export interface MixedWord {
  word: string;
  scripts: string[];
}

/** The words of a text that mix such alphabets, each once. */
export function mixedWords(text: string): MixedWord[] {
  // Nearly every value is Latin or digits alone.
  if (!/[\u0370-\u058f\u13a0-\u13ff\u1c80-\u1c8f\u1f00-\u1fff\u2c80-\u2cff\u2de0-\u2dff\ua640-\ua69f\uab70-\uabbf]/u.test(text)) return [];
  const found = new Map<string, string[]>();
  for (const [word] of text.matchAll(/[\p{L}\p{M}]+/gu)) {
    const scripts = alike.filter(([, script]) => script.test(word)).map(([name]) => name);
    if (scripts.length > 1) found.set(word, scripts);
  }
  return Array.from(found, ([word, scripts]) => ({ word, scripts }));
}
