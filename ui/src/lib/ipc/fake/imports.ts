// What the made-up studio finds in an imported CSV, and what answers change about it.
import { noAnswers, type ImportAnswers } from '../../catalogue/answers';
import type { ImportRemark } from '../generated/ImportRemark';
import type { ImportView } from '../generated/ImportView';
import type { RepairView } from '../generated/RepairView';
import { cell } from './proposals';
import { id } from './seed';

export type ImportCase = 'fine' | 'errors' | 'columns' | 'unreadable';

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
    blanks: answers.blanks ?? 'apply',
    rows: unread ? 0 : 17,
    unchanged: unread ? 0 : 14,
    missing: 1,
    conflicts: 0,
    changes: unread
      ? []
      : [
          cell(drive, 'Night Drive', 'isrc', 'ISRC', null, 'QZABC2600012'),
          cell(drive, 'Night Drive', 'title', 'Title', 'Night Drive', 'Night Drive (Edit)'),
          ...(answers.blanks === null || answers.blanks === 'apply'
            ? [cell(tide, 'Low Tide', 'composers', 'Composers', 'Mara Lindqvist', null)]
            : []),
          cell(tide, 'Low Tide', 'release_date', 'Release date', '2027-03-05', '2027-05-03'),
          cell(harbour, 'Harbour Lights', '_row', 'Row', 'Harbour Lights', null),
          cell('trk_new', 'Slack Water', '_row', 'Row', null, 'Slack Water'),
        ],
    notices: unread
      ? []
      : [
          ...Array.from({ length: 212 - Math.min(212, answers.literal.length) }, (_, at) =>
            remark('damage', at + 2, 'upc', `Row ${at + 2}, UPC: leading zeros were lost. The value stays as it was.`),
          ),
          ...(which === 'columns'
            ? [remark('missing_column', null, null, 'The file has no column composers, so it is left untouched.')]
            : []),
        ],
    warnings: unread ? [] : [remark('value_warning', 4, 'bpm', '61.00 is half of the tempo of version 9. Check it before you propose.')],
    questions,
    errors,
    repairs: repairsOf([...errors, ...questions]),
    is_offline: false,
    may_propose: errors.length + questions.length === 0,
  };
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
    if (!answers.accepted.some(([line]) => line === 9))
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
      for (let line = 42; line < 54; line += 1)
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
  return { errors, questions };
}
