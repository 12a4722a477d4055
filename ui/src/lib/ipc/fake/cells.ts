// A large catalogue for the made-up studio, and as much of the rules of columns as its screens need.
import { fieldTypes, readDocument, tableNames, type FieldDocument, type SchemaDocument } from '../../catalogue/schema';
import type { SheetEdits } from '../../catalogue/edits';
import type { CatalogueRowView } from '../generated/CatalogueRowView';
import type { CellCheckView } from '../generated/CellCheckView';
import type { ColumnChangeView } from '../generated/ColumnChangeView';
import type { ColumnView } from '../generated/ColumnView';
import type { SchemaCheckView } from '../generated/SchemaCheckView';
import { fingerprintOf, id } from './seed';

const names = [
  'Version title',
  'Featured artists',
  'Lyricists',
  'Producers',
  'Publishers',
  'UPC',
  'Label',
  'Release title',
  'P line',
  'C line',
  'Genres',
  'Language',
];

/** With the usual eight: twenty. */
export function moreColumns(): ColumnView[] {
  return names.map((label) => ({
    name: label.toLowerCase().replaceAll(' ', '_'),
    label,
    type: 'text',
    choices: [],
    read_only: false,
    may_edit: true,
    required: 'never',
    help: null,
  }));
}

export function manyRows(count: number): CatalogueRowView[] {
  return Array.from({ length: count }, (_, at) => {
    const number = at + 1;
    const cells: Record<string, string> = {
      title: `Cue ${number}`,
      main_artist: number % 3 === 0 ? 'Ada Osei' : 'Mara Lindqvist',
      composers: 'Mara Lindqvist|Ada Osei',
      release_date: `2027-0${(number % 9) + 1}-15`,
      bpm: `${60 + (number % 120)}.00`,
      duration: `${number % 9}:${String(number % 60).padStart(2, '0')}`,
    };
    if (number % 4 !== 0) cells.isrc = `QZMNY26${String(number).padStart(5, '0')}`;
    for (const column of moreColumns()) cells[column.name] = `${column.label} ${number}`;
    return { id: id('trk', 10_000 + number), rev: fingerprintOf(number).slice(0, 20), cells, approved: null };
  });
}

/** The splits of the first track. */
export function splitColumns(): ColumnView[] {
  const column = (name: string, label: string, type = 'text', choices: string[] = [], required = 'never'): ColumnView => ({
    name,
    label,
    type,
    choices,
    read_only: false,
    may_edit: true,
    required,
    help: null,
  });
  return [
    column('track', 'Track', 'reference', [], 'always'),
    column('right', 'Right', 'choice', ['composition', 'recording'], 'always'),
    column('party', 'Party', 'text', [], 'always'),
    column('role', 'Role', 'choice', ['composer', 'lyricist', 'producer', 'performer']),
    column('share', 'Share', 'decimal', [], 'always'),
    column('ipi_name', 'IPI name'),
  ];
}

export function splitRows(tracks: readonly CatalogueRowView[]): CatalogueRowView[] {
  const first = tracks[0];
  if (!first) return [];
  return [
    ['Mara Lindqvist', 'composer', '60.00'],
    ['Ada Osei', 'lyricist', '40.00'],
  ].map(([party, role, share], at) => ({
    id: id('spl', at + 1),
    rev: fingerprintOf(900 + at).slice(0, 20),
    cells: { track: first.id, right: 'composition', party: party ?? '', role: role ?? '', share: share ?? '' },
    approved: null,
  }));
}

/** The document behind these columns. */
export function schemaOf(columns: readonly ColumnView[]): SchemaDocument {
  const field = (column: ColumnView): FieldDocument => ({
    name: column.name,
    label: column.label,
    type: column.type,
    ...(column.choices.length > 0 ? { choices: column.choices } : {}),
    ...(column.type === 'reference' ? { to: 'tracks' } : {}),
    ...(column.required === 'never' ? {} : { required: column.required }),
    ...(column.name === 'isrc' ? { format: 'isrc', unique: true } : {}),
    ...(column.read_only ? { read_only: true } : {}),
  });
  return {
    schema_version: 1,
    tables: {
      tracks: { fields: columns.map(field), natural_keys: [['isrc']] },
      splits: { fields: splitColumns().map(field), natural_keys: [] },
    },
    rules: [{ kind: 'sum', table: 'splits', group_by: ['track', 'right'], field: 'share', equals: '100.00' }],
  };
}

/** As much of the rules of documents as the screen needs: broken JSON, unknown types, names; and what differs. */
export function checkSchema(before: SchemaDocument, text: string): SchemaCheckView {
  const nothing: SchemaCheckView = { error: null, is_same: false, columns: [], failing: [], failing_count: 0 };
  const after = readDocument(text);
  if (after === null)
    return { ...nothing, error: { path: '$', message: 'Expected a document of columns, found something else at line 3 column 5.' } };
  for (const table of tableNames) {
    for (const [at, field] of after.tables[table].fields.entries()) {
      const error = (key: string, message: string) => ({
        ...nothing,
        error: { path: `$.tables.${table}.fields[${at}].${key}`, message },
      });
      if (!/^[a-z][a-z0-9_]{0,62}$/u.test(field.name))
        return error('name', `“${field.name}” is no field name: a small letter, then small letters, digits and _, at most 63 in all.`);
      if (!(fieldTypes as readonly string[]).includes(field.type)) return error('type', `“${field.type}” is not known here.`);
    }
  }
  const columns = tableNames.flatMap((table) => {
    const old = new Map(before.tables[table].fields.map((field) => [field.name, field]));
    const kept = new Set<string>();
    const now = after.tables[table].fields.flatMap((field): ColumnChangeView[] => {
      const was = typeof field.renamed_from === 'string' ? field.renamed_from : null;
      const source = old.get(was ?? field.name);
      kept.add(was ?? field.name);
      const label = typeof field.label === 'string' ? field.label : field.name;
      const told = (fate: string, keys: string[] = []): ColumnChangeView => ({ table, name: field.name, label, was, fate, keys });
      if (!source) return [told('added')];
      const keys = [...new Set([...Object.keys(source), ...Object.keys(field)])].filter(
        (key) => !['name', 'renamed_from'].includes(key) && JSON.stringify(source[key]) !== JSON.stringify(field[key]),
      );
      if (was !== null) return [told('renamed', keys)];
      return keys.length > 0 ? [told('changed', keys)] : [];
    });
    const gone = Array.from(old.values()).filter((field) => !kept.has(field.name));
    return [
      ...now,
      ...gone.map((field): ColumnChangeView => ({
        table,
        name: field.name,
        label: String(field.label),
        was: null,
        fate: 'removed',
        keys: [],
      })),
    ];
  });
  const narrowed = columns.filter((column) => column.keys.includes('choices') && column.fate === 'changed');
  const failing = narrowed.map((column) => ({
    row_label: 'Harbour Lights',
    field: column.name,
    message: `${column.label} of “Harbour Lights” does not fit the new column: expected one of its words. Change the value first, then the column.`,
  }));
  const is_same = JSON.stringify(before) === JSON.stringify(after);
  return { error: null, is_same, columns, failing, failing_count: failing.length };
}

export function checkCells(rows: readonly CatalogueRowView[], sheet: SheetEdits): CellCheckView[] {
  const edits = sheet.cells;
  const typed = new Map(edits.map((edit) => [`${edit.row} ${edit.field}`, edit.to]));
  const textOf = (row: CatalogueRowView, field: string): string => typed.get(`${row.id} ${field}`) ?? row.cells[field] ?? '';
  const found: CellCheckView[] = [];
  for (const key of sheet.added)
    if ((typed.get(`${key} title`) ?? '') === '' && (typed.get(`${key} party`) ?? '') === '')
      found.push({
        row: key,
        field: 'title',
        level: 'error',
        message: 'A track needs a title. Type one, or delete the row.',
        suggestion: null,
      });
  const isrcs = new Map<string, string[]>();
  for (const row of rows) {
    const isrc = textOf(row, 'isrc');
    if (isrc !== '') isrcs.set(isrc, [...(isrcs.get(isrc) ?? []), row.id]);
  }
  for (const { row, field, to } of edits) {
    const error = (message: string, suggestion: string | null = null): void =>
      void found.push({ row, field, level: 'error', message, suggestion });
    if (field === 'title' && to === '') error('A track needs a title. Type one, or restore the cell.');
    if (field === 'isrc' && to !== '' && !/^[A-Z]{2}[A-Z0-9]{3}\d{7}$/u.test(to)) {
      const fit = to
        .replaceAll(/[\s.-]/gu, '')
        .toUpperCase()
        .replaceAll(/(?<=^.{5}.*)O/gu, '0');
      error(`Found “${to}”, expected 12 characters like USS1Z9900001.`, /^[A-Z]{2}[A-Z0-9]{3}\d{7}$/u.test(fit) ? fit : null);
    }
    if (field === 'release_date' && to !== '' && !/^\d{4}(-\d\d){0,2}$/u.test(to)) error(`Found “${to}”, expected a date like 2026-05-03.`);
    if (field === 'bpm' && to !== '' && Number(to) < 20)
      found.push({ row, field, level: 'warning', message: `${to} is unusually slow. Check it before you propose.`, suggestion: null });
  }
  for (const [isrc, same] of isrcs) {
    if (same.length > 1)
      for (const row of same)
        found.push({
          row,
          field: 'isrc',
          level: 'error',
          message: `${isrc} stands in ${same.length} rows; only one may have it.`,
          suggestion: null,
        });
  }
  return found;
}

/** Names a view by what it says, as the server does. */
export function tagOf(view: object): string {
  const text = JSON.stringify(view);
  let hash = 0;
  for (let at = 0; at < text.length; at += 1) hash = (Math.imul(hash, 31) + text.charCodeAt(at)) | 0;
  return `W/"${(hash >>> 0).toString(16)}"`;
}
