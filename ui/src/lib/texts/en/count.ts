// Words for numbers of things.

const rules = new Intl.PluralRules('en');

export function count(number: number, one: string, other: string): string {
  return `${new Intl.NumberFormat('en').format(number)} ${rules.select(number) === 'one' ? one : other}`;
}
