// Answers and choices of whoever imports a CSV, in the form the catalogue rules take them, and which of them a problem can be settled
// with. Pure.
import type { ImportRemark } from '../ipc/generated/ImportRemark';
import type { ImportView } from '../ipc/generated/ImportView';
import type { RepairView } from '../ipc/generated/RepairView';
import { t } from '../texts/en';

export type ColumnChoice = { use: 'field'; name: string } | { use: 'ignore' };
export type RowChoice = { row: 'new' } | { row: 'existing'; id: string };
export type Blanks = 'apply' | 'ignore' | 'fill_only';
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
  accept_matches: false,
};

export const encodings = ['utf8', 'utf16_le', 'utf16_be', 'windows1252', 'mac_roman'] as const;
export const delimiters = [',', ';', '\t', '|'] as const;
export const blankModes: readonly Blanks[] = ['apply', 'ignore', 'fill_only'];

/** One way to settle a group of problems at once. */
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
      return column === null ? [] : readings(column, count, remarks);
    case 'natural_match':
      return [
        { label: t.import.sameRows(count), settle: (answers) => ({ ...answers, accept_matches: true }) },
        { label: t.import.newRows(count), settle: (answers) => withRows(answers, remarks, { row: 'new' }) },
      ];
    case 'duplicate_id':
      return [{ label: t.import.newRows(count), settle: (answers) => withRows(answers, remarks, { row: 'new' }) }];
    case 'deleted_row':
      return [{ label: t.import.addAgain(count), settle: (answers) => withRows(answers, remarks, { row: 'new' }) }];
    case 'value': {
      const places = placesOf(remarks.filter((remark) => remark.suggestions.length > 0));
      if (places.length === 0) return [];
      const [first] = remarks.flatMap((remark) => remark.suggestions);
      return [
        {
          label: places.length === 1 ? t.import.takeSuggestion(first ?? '') : t.import.takeSuggestions(places.length),
          settle: (answers) => ({ ...answers, accepted: [...answers.accepted, ...places] }),
        },
      ];
    }
    default:
      return [];
  }
}

function readings(column: string, count: number, remarks: readonly ImportRemark[]): Offer[] {
  const style = (label: string, more: Style): Offer => ({
    label,
    settle: (answers) => ({ ...answers, styles: { ...answers.styles, [column]: { ...answers.styles[column], ...more } } }),
  });
  const dates = remarks.some((remark) => remark.suggestions.some((text) => /^\d{4}-\d\d/u.test(text)));
  if (dates)
    return [style(t.import.dayMonth(count), { date_order: 'day_month' }), style(t.import.monthDay(count), { date_order: 'month_day' })];
  if (remarks.some((remark) => remark.found.includes('%') || /per cent|share/iu.test(remark.expected)))
    return [style(t.import.points(count), { percent: 'points' }), style(t.import.fraction(count), { percent: 'fraction' })];
  return [
    style(t.import.commaDecimal(count), { number: 'comma_decimal' }),
    style(t.import.commaThousands(count), { number: 'comma_thousands' }),
  ];
}

/** Takes cells as they stand that were recognised as changed by the spreadsheet only. */
export function literally(answers: ImportAnswers, remarks: readonly ImportRemark[]): ImportAnswers {
  return { ...answers, literal: [...answers.literal, ...placesOf(remarks)] };
}

function placesOf(remarks: readonly ImportRemark[]): [number, string][] {
  return remarks.flatMap((remark): [number, string][] =>
    remark.line === null || remark.column === null ? [] : [[remark.line, remark.column]],
  );
}

function withRows(answers: ImportAnswers, remarks: readonly ImportRemark[], choice: RowChoice): ImportAnswers {
  const rows = { ...answers.rows };
  for (const remark of remarks) if (remark.line !== null) rows[String(remark.line)] = choice;
  return { ...answers, rows };
}

/** Notices of one kind, counted: "212 cells of upc". */
export function grouped(remarks: readonly ImportRemark[]): { repair: string; column: string | null; code: string; list: ImportRemark[] }[] {
  const groups = new Map<string, { repair: string; column: string | null; code: string; list: ImportRemark[] }>();
  for (const remark of remarks) {
    const group = groups.get(remark.repair) ?? { repair: remark.repair, column: remark.column, code: remark.code, list: [] };
    group.list.push(remark);
    groups.set(remark.repair, group);
  }
  return Array.from(groups.values()).sort((a, b) => b.list.length - a.list.length);
}
