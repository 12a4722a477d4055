// Answers and choices of whoever imports a CSV, in the form the catalogue rules take them, and which of them a problem can be settled
// with. Pure.
import type { ImportRemark } from '../ipc/generated/ImportRemark';
import type { ImportView } from '../ipc/generated/ImportView';
import type { RepairView } from '../ipc/generated/RepairView';
import { t } from '../texts/en';

export type ColumnChoice = { use: 'field'; name: string } | { use: 'ignore' };
export type RowChoice = { row: 'new' } | { row: 'existing'; id: string };
export type Blanks = 'apply' | 'apply_known' | 'ignore' | 'fill_only';
/** An answer to everything that one repair settles, however much of it is listed. */
export type GroupAnswer = 'literal' | 'accept' | 'new';
export type Delimiter = 'comma' | 'semicolon';
export type NumberStyle = 'plain' | 'comma_thousands' | 'comma_decimal' | 'space_thousands' | 'apostrophe_thousands';

export interface Style {
  date_order?: 'day_month' | 'month_day';
  number?: NumberStyle;
  percent?: 'points' | 'fraction';
}

export interface ImportAnswers {
  encoding: string | null;
  delimiter: string | null;
  columns: Record<string, ColumnChoice>;
  blanks: Blanks | null;
  missing_rows: { missing: 'keep' } | { missing: 'delete'; confirmed: number | null };
  styles: Record<string, Style>;
  literal: [number, string][];
  rows: Record<string, RowChoice>;
  accepted: [number, string][];
  chosen: [number, string, string][];
  groups: Record<string, GroupAnswer>;
  accept_matches: boolean;
}

export const noAnswers: ImportAnswers = {
  encoding: null,
  delimiter: null,
  columns: {},
  blanks: null,
  missing_rows: { missing: 'keep' },
  styles: {},
  literal: [],
  rows: {},
  accepted: [],
  chosen: [],
  groups: {},
  accept_matches: false,
};

export const encodings = ['utf8', 'utf16_le', 'utf16_be', 'windows1252', 'mac_roman'] as const;
export const delimiters = [',', ';', '\t', '|'] as const;
const blankModes: readonly Blanks[] = ['apply', 'apply_known', 'ignore', 'fill_only'];

/** What empty cells may mean: where every row says what it was exported from, it is known everywhere. */
export function blanksOf(file: ImportView): readonly Blanks[] {
  return blankModes.filter((mode) => mode !== 'apply_known' || !file.has_base || file.blanks === mode);
}

/** One way to settle a problem, or a group of them at once. */
export interface Offer {
  label: string;
  settle: (answers: ImportAnswers) => ImportAnswers;
}

/** The remarks of a group. */
export function remarksOf(file: ImportView, group: RepairView): ImportRemark[] {
  return [...file.errors, ...file.questions].filter((remark) => remark.repair === group.repair);
}

export function isQuestion(file: ImportView, group: RepairView): boolean {
  return file.questions.some((remark) => remark.repair === group.repair);
}

/** What can be done about a group without touching the file. */
export function offersOf(group: RepairView, remarks: readonly ImportRemark[]): Offer[] {
  const { column, count } = group;
  switch (group.code) {
    case 'ambiguous':
      return column === null ? [] : readings(group, column, remarks);
    case 'natural_match':
      return [
        { label: t.import.sameRows(count), settle: (answers) => ({ ...answers, accept_matches: true }) },
        { label: t.import.newRows(count), settle: (answers) => inGroup(answers, group.repair, 'new') },
      ];
    case 'duplicate_id':
      return [{ label: t.import.newRows(count), settle: (answers) => inGroup(answers, group.repair, 'new') }];
    case 'deleted_row':
      return [{ label: t.import.addAgain(count), settle: (answers) => inGroup(answers, group.repair, 'new') }];
    case 'value':
      return suggestions(group, remarks);
    default:
      return [];
  }
}

/** What can be done about one remark alone. */
export function offersOfOne(remark: ImportRemark): Offer[] {
  const { line, column } = remark;
  if (line === null) return [];
  const row = (label: string, choice: RowChoice): Offer => ({
    label,
    settle: (answers) => ({ ...answers, rows: { ...answers.rows, [String(line)]: choice } }),
  });
  switch (remark.code) {
    case 'damage':
      return column === null
        ? []
        : [{ label: t.import.literally(1), settle: (answers) => ({ ...answers, literal: [...answers.literal, [line, column]] }) }];
    case 'value':
    case 'ambiguous':
      return column === null
        ? []
        : remark.suggestions.map((text) => ({
            label: t.import.takeSuggestion(text),
            settle: (answers) => ({ ...answers, chosen: [...answers.chosen, [line, column, text]] }),
          }));
    case 'natural_match': {
      const [id] = remark.suggestions;
      const same = id === undefined ? [] : [row(t.import.sameRows(1), { row: 'existing', id })];
      return [...same, row(t.import.newRows(1), { row: 'new' })];
    }
    case 'duplicate_id':
      return [row(t.import.newRows(1), { row: 'new' })];
    case 'deleted_row':
      return [row(t.import.addAgain(1), { row: 'new' })];
    default:
      return [];
  }
}

/** Takes the suggestions of a group: of its one cell, or of all of them, listed or not. */
function suggestions(group: RepairView, remarks: readonly ImportRemark[]): Offer[] {
  const places = placesOf(remarks.filter((remark) => remark.suggestions.length > 0));
  if (places.length === 0) return [];
  const all = remarks.length >= group.count;
  const [first] = remarks.flatMap((remark) => remark.suggestions);
  if (all && places.length === 1)
    return [
      {
        label: t.import.takeSuggestion(first ?? ''),
        settle: (answers) => ({ ...answers, accepted: [...answers.accepted, ...places] }),
      },
    ];
  return [
    {
      label: t.import.takeSuggestions(all ? places.length : group.count),
      settle: (answers) => inGroup(answers, group.repair, 'accept'),
    },
  ];
}

function readings(group: RepairView, column: string, remarks: readonly ImportRemark[]): Offer[] {
  const { count } = group;
  const style = (label: string, more: Style): Offer => ({
    label,
    settle: (answers) => ({ ...answers, styles: { ...answers.styles, [column]: { ...answers.styles[column], ...more } } }),
  });
  const dates = remarks.some((remark) => remark.suggestions.some((text) => /^\d{4}-\d\d/u.test(text)));
  if (dates)
    return [style(t.import.dayMonth(count), { date_order: 'day_month' }), style(t.import.monthDay(count), { date_order: 'month_day' })];
  if (remarks.some((remark) => remark.found.includes('%') || /per cent|share/iu.test(remark.expected)))
    return [style(t.import.points(count), { percent: 'points' }), style(t.import.fraction(count), { percent: 'fraction' })];
  // A length such as 225 has one reading, which is asked about because it lacks its unit.
  const lengths = remarks.some((remark) => remark.suggestions.some((text) => /^(?:\d+h)?(?:\d+m)?\d+(?:\.\d+)?s$/u.test(text)));
  if (lengths || !remarks.some((remark) => /\d[.,'’\s]\d/u.test(remark.found))) return suggestions(group, remarks);
  return [
    style(t.import.commaDecimal(count), { number: 'comma_decimal' }),
    style(t.import.commaThousands(count), { number: 'comma_thousands' }),
  ];
}

/** Answers for everything that one repair settles. */
export function inGroup(answers: ImportAnswers, repair: string, answer: GroupAnswer): ImportAnswers {
  return { ...answers, groups: { ...answers.groups, [repair]: answer } };
}

function placesOf(remarks: readonly ImportRemark[]): [number, string][] {
  return remarks.flatMap((remark): [number, string][] =>
    remark.line === null || remark.column === null ? [] : [[remark.line, remark.column]],
  );
}
