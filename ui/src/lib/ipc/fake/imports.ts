// What the made-up studio finds in an imported CSV, and what answers change about it.
import { noAnswers, type ImportAnswers } from '../../catalogue/answers';
import type { ImportRemark } from '../generated/ImportRemark';
import type { ImportView } from '../generated/ImportView';
import type { RepairView } from '../generated/RepairView';
import { cell } from './proposals';
import { id } from './seed';

export type ImportCase = 'fine' | 'errors' | 'columns' | 'unreadable' | 'stale' | 'already';
/** Rows whose barcode the spreadsheet damaged: more than are listed. */
const DAMAGED = 212;
const LISTED = 200;

const fields: [string, string][] = [
  ['title', 'Title'],
  ['main_artist', 'Main artist'],
  ['isrc', 'ISRC'],
  ['composers', 'Composers'],
  ['release_date', 'Release date'],
  ['upc', 'UPC'],
  ['bpm', 'BPM'],
];

function remark(code: string, line: number | null, column: string | null, message: string, more: Partial<ImportRemark> = {}): ImportRemark {
  return {
    code,
    line,
    column,
    message,
    expected: '',
    found: '',
    repair: column === null ? code : `${code}:${column}`,
    suggestions: [],
    ...more,
  };
}

function repairsOf(remarks: readonly ImportRemark[]): RepairView[] {
  const groups = new Map<string, RepairView>();
  for (const each of remarks) {
    const things = each.column === null ? 'row' : 'cell';
    const count = (groups.get(each.repair)?.count ?? 0) + 1;
    groups.set(each.repair, {
      repair: each.repair,
      code: each.code,
      column: each.column,
      count,
      title: `${count} ${things}${count === 1 ? '' : 's'}${each.column === null ? '' : ` of ${each.column}`}: expected ${each.expected}`,
    });
  }
  return Array.from(groups.values()).sort((a, b) => b.count - a.count);
}

export function importView(table: string, which: ImportCase, answers: ImportAnswers = noAnswers): ImportView {
  const drive = id('trk', 1);
  const tide = id('trk', 2);
  const harbour = id('trk', 3);
  const { errors, questions } = inTheWay(which, answers);
  const unread = which === 'unreadable' && answers.encoding === null;
  const stale = which === 'stale';
  const damaged = damagedIn(answers);
  const notices = unread ? [] : [...damaged.slice(0, LISTED), ...(which === 'columns' ? [missingColumn] : [])];
  const warnings = unread
    ? []
    : [remark('value_warning', 4, 'bpm', '61.00 is half of the tempo of version 9. Check it before you propose.')];
  const mood = answers.columns['Mood board'];
  const columns = ['_id', '_rev', ...fields.map(([name]) => name)].map((heading) => ({
    heading,
    field: heading,
    suggestion: null,
    reason: null,
  }));
  if (which === 'columns') {
    columns.splice(5, 1);
    columns.push(
      {
        heading: 'Mood board',
        field: mood?.use === 'field' ? mood.name : null,
        suggestion: mood ? null : 'composers',
        reason: mood ? null : 'Its values look like names.',
      } as never,
      { heading: 'ISRC', field: 'isrc', suggestion: null, reason: null },
    );
  }
  return {
    import: `imp_${which}`,
    file_name: 'spring.csv',
    table,
    encoding: answers.encoding ?? 'utf8',
    delimiter: answers.delimiter ?? ',',
    columns: unread ? [] : columns,
    fields,
    has_base: which !== 'columns',
    exported_from: which === 'columns' || unread ? null : stale ? 41 : 44,
    catalogue: 44,
    blanks: answers.blanks ?? (which === 'columns' ? 'apply_known' : 'apply'),
    rows: unread ? 0 : 17,
    unchanged: unread ? 0 : 14,
    missing: 1,
    added_since: stale ? 2 : 0,
    conflicts: stale ? 1 : 0,
    conflict_cells: stale
      ? [
          {
            row: drive,
            row_label: 'Night Drive',
            field: 'bpm',
            field_label: 'BPM',
            was: '120.00',
            proposed: '121.00',
            now: '122.00',
          },
        ]
      : [],
    changes:
      unread || which === 'already'
        ? []
        : [
            cell(drive, 'Night Drive', 'isrc', 'ISRC', null, 'QZABC2600012'),
            ...(stale ? [cell(drive, 'Night Drive', 'bpm', 'BPM', '122.00', '121.00')] : []),
            cell(drive, 'Night Drive', 'title', 'Title', 'Night Drive', 'Night Drive (Edit)'),
            ...(answers.blanks === null || answers.blanks === 'apply'
              ? [cell(tide, 'Low Tide', 'composers', 'Composers', 'Mara Lindqvist', null)]
              : []),
            cell(tide, 'Low Tide', 'release_date', 'Release date', '2027-03-05', '2027-05-03'),
            cell(harbour, 'Harbour Lights', '_row', 'Row', 'Harbour Lights', null),
            cell('trk_new', 'Slack Water', '_row', 'Row', null, 'Slack Water'),
          ],
    notices,
    warnings,
    questions,
    errors,
    repairs: repairsOf([...errors, ...questions]),
    ignored: unread ? [] : repairsOf([...damaged, ...(which === 'columns' ? [missingColumn] : [])]),
    totals: {
      errors: errors.length,
      questions: questions.length,
      warnings: warnings.length,
      notices: unread ? 0 : damaged.length + (which === 'columns' ? 1 : 0),
    },
    answers,
    is_offline: false,
    may_propose: errors.length + questions.length === 0 && which !== 'already',
  };
}

const missingColumn = remark('missing_column', null, null, 'The file has no column composers, so it is left untouched.');

/** Damaged cells that were not taken literally, alone or all of them. */
function damagedIn(answers: ImportAnswers): ImportRemark[] {
  if (answers.groups['damage:upc'] === 'literal') return [];
  return Array.from({ length: DAMAGED }, (_, at) => at + 2)
    .filter((line) => !answers.literal.some(([literal]) => literal === line))
    .map((line) => remark('damage', line, 'upc', `Row ${line}, UPC: leading zeros were lost. The value stays as it was.`));
}

function inTheWay(which: ImportCase, answers: ImportAnswers): { errors: ImportRemark[]; questions: ImportRemark[] } {
  const errors: ImportRemark[] = [];
  const questions: ImportRemark[] = [];
  if (which === 'unreadable' && answers.encoding === null)
    errors.push(
      remark(
        'encoding',
        null,
        null,
        'This file was not read: expected UTF-8, found bytes of another encoding. Nothing in the catalogue was touched. Choose how it is to be read.',
        { expected: 'UTF-8' },
      ),
    );
  if (which === 'columns')
    errors.push(
      remark(
        'duplicate_column',
        1,
        'ISRC',
        'Column “ISRC”: found two columns for isrc, expected one. Leave one of them out. Nothing was changed.',
        { expected: 'one column for isrc' },
      ),
    );
  if (answers.missing_rows.missing === 'delete' && answers.missing_rows.confirmed !== 1)
    errors.push(
      remark('missing_rows', null, null, 'One row would be deleted and the number is not confirmed. Type 1, or keep the row.', {
        expected: 'the number 1 typed in',
      }),
    );
  if (which === 'errors') {
    if (!answers.accepted.some(([line]) => line === 9) && !answers.chosen.some(([line]) => line === 9))
      errors.push(
        remark(
          'value',
          9,
          'isrc',
          'Row 9, ISRC: found “QZABC26OOO12”, expected 12 characters. Accept the suggestion or put it right in the file.',
          {
            expected: '12 characters like USS1Z9900001',
            suggestions: ['QZABC2600012'],
          },
        ),
      );
    errors.push(
      remark('ragged_row', 7, null, 'Row 7 has two cells more than the header. Nothing was changed. Quote the cell that holds a comma.', {
        expected: 'no cell beyond the last column',
      }),
    );
    if (answers.styles.release_date === undefined)
      for (let line = 42; line < 54; line += 1) {
        if (answers.chosen.some(([chosen]) => chosen === line)) continue;
        questions.push(
          remark(
            'ambiguous',
            line,
            'release_date',
            `Row ${line}, Release date: expected a date like 2026-05-03, found 03/05/26. Say how this column is to be read.`,
            { expected: 'a date that reads in one way', found: '03/05/26', suggestions: ['2026-05-03', '2026-03-05'] },
          ),
        );
      }
    if (answers.rows['60'] === undefined && !answers.accept_matches && answers.groups.natural_match !== 'new')
      questions.push(
        remark(
          'natural_match',
          60,
          null,
          'Row 60: found a row without id that looks like “Low Tide”. Say whether it is that row or a new one.',
          {
            expected: 'an id, or a row like no other',
            suggestions: [id('trk', 2)],
          },
        ),
      );
  }
  return { errors, questions };
}
