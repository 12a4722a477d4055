// Text on its way to and from a spreadsheet, guarded as the CSV files are: what a spreadsheet would take for a formula gets one
// apostrophe in front, and loses exactly one on the way back. A bijection. Pure.
const triggers = '=+\\-@\\t\\r\\n\\u0000＝＋－＠';
const risky = new RegExp(`^'*[\\p{White_Space}\\p{Cf}]*[${triggers}]`, 'u');
const guarded = new RegExp(`^'+[\\p{White_Space}\\p{Cf}]*[${triggers}]`, 'u');

export function escapeFormula(text: string): string {
  return risky.test(text) ? `'${text}` : text;
}

export function unescapeFormula(text: string): string {
  return guarded.test(text) ? text.slice(1) : text;
}
