import { assert, describe, expect, it } from 'vitest';
import { FakeBackend } from '../ipc/fake/studio';
import { id } from '../ipc/fake/seed';
import type { CatalogueView } from '../ipc/generated/CatalogueView';
import { Sheet } from '../state/sheet.svelte';
import { columnsOf, placed } from './columns';
import { filtered, SearchTexts, type Marks } from './filter';
import { GridModel } from './grid.svelte';
import { escapeFormula, unescapeFormula } from './guard';
import { boxOf, pasteBox, step, windowOf } from './range';
import { fromTsv, toTsv } from './tsv';

const project = id('prj', 1);
const drive = id('trk', 1);
const tide = id('trk', 2);
const harbour = id('trk', 3);

async function catalogue(rows = 0): Promise<{ studio: FakeBackend; view: CatalogueView; sheet: Sheet }> {
  const studio = new FakeBackend({ rows });
  const view = await studio.call('catalogue', { project, table: 'tracks', seen: '' });
  assert(view);
  const sheet = new Sheet();
  sheet.take(view);
  return { studio, view, sheet };
}

describe('blocks on the clipboard', () => {
  it('come back as they went, whatever the cells hold', () => {
    const blocks = [
      [
        ['a', 'b'],
        ['c', 'd'],
      ],
      [
        ['tab\there', 'line\nbreak'],
        ['"quoted"', 'a "b" c'],
        ['', ''],
      ],
      [
        ['=1+1', "it's"],
        ['x\r\ny', ' '],
      ],
      [['']],
    ];
    for (const block of blocks) expect(fromTsv(toTsv(block))).toEqual(block);
  });

  it('of LibreOffice and Excel are read: a line end after the last row, quotes only where needed', () => {
    expect(fromTsv('a\tb\r\nc\td\r\n')).toEqual([
      ['a', 'b'],
      ['c', 'd'],
    ]);
    expect(fromTsv('12" mix\tb\n')).toEqual([['12" mix', 'b']]);
    expect(fromTsv('"12"" mix\nlong"\tb')).toEqual([['12" mix\nlong', 'b']]);
    expect(fromTsv('"never closed\tb')).toEqual([['"never closed', 'b']]);
    expect(fromTsv('a\n\nb')).toEqual([['a'], [''], ['b']]);
  });
});

describe('the formula guard', () => {
  it('takes off exactly what it put on', () => {
    for (const text of ['=1+1', "'=x", "''=x", '@home', '-3', ' \u200b=x', '＝x', 'plain', "'tis", '', '\t', '+49']) {
      expect(unescapeFormula(escapeFormula(text))).toBe(text);
      expect(/^[=+\-@]/u.test(escapeFormula(text))).toBe(false);
    }
    expect(escapeFormula("'tis")).toBe("'tis");
  });
});

describe('ranges', () => {
  it('paste a cell over a selection, repeat what fits, else start at the corner', () => {
    const box = boxOf({ anchor: { row: 5, column: 3 }, head: { row: 2, column: 2 } });
    expect(box).toEqual({ top: 2, left: 2, bottom: 5, right: 3 });
    expect(pasteBox(box, { rows: 1, columns: 1 })).toEqual(box);
    expect(pasteBox(box, { rows: 2, columns: 1 })).toEqual(box);
    expect(pasteBox(box, { rows: 3, columns: 3 })).toEqual({ top: 2, left: 2, bottom: 4, right: 4 });
  });

  it('stay inside the table', () => {
    const size = { rows: 3, columns: 2 };
    expect(step({ row: 0, column: 0 }, 'ArrowUp', false, size, 10)).toEqual({ row: 0, column: 0 });
    expect(step({ row: 0, column: 0 }, 'End', true, size, 10)).toEqual({ row: 2, column: 1 });
    expect(step({ row: 0, column: 1 }, 'PageDown', false, size, 10)).toEqual({ row: 2, column: 1 });
    expect(step({ row: 0, column: 1 }, 'x', false, size, 10)).toBeNull();
  });

  it('show what is in sight and a little more, moving in steps', () => {
    const { from, to } = windowOf(3600, 600, 36, 10_000, 8);
    expect(from).toBeLessThanOrEqual(100);
    expect(to).toBeGreaterThanOrEqual(117);
    expect(to - from).toBeLessThan(45);
    expect(windowOf(3610, 600, 36, 10_000, 8)).toEqual({ from, to });
    expect(windowOf(0, 600, 36, 3, 8)).toEqual({ from: 0, to: 3 });
  });
});

describe('columns and filters', () => {
  it('a column of the project’s own is in every set, the first always', async () => {
    const { view } = await catalogue();
    const own = { ...view.columns[1], name: 'mood_board', label: 'Mood board' } as (typeof view.columns)[number];
    const all = [...view.columns, own];
    for (const set of ['essentials', 'rights', 'release', 'all'] as const) {
      const names = columnsOf(all, 'tracks', set).map((column) => column.name);
      expect(names[0]).toBe('title');
      expect(names).toContain('mood_board');
    }
    expect(columnsOf(all, 'tracks', 'rights').map((column) => column.name)).not.toContain('bpm');
    expect(placed(all).map((each) => each.left)).toEqual(
      placed(all).map((_, at) =>
        placed(all)
          .slice(0, at)
          .reduce((sum, each) => sum + each.width, 0),
      ),
    );
  });

  it('find words in any order and without accents, sort numbers as numbers and empty cells last', async () => {
    const { view, sheet } = await catalogue();
    const marks: Marks = {
      text: (row, field) => sheet.text(row, field),
      changed: (row) => sheet.isChanged(row),
      invalid: () => false,
      pending: () => false,
      raw: (row, field) => sheet.text(row, field),
      uneven: (row) => row.id === harbour,
      shareless: (row) => row !== harbour,
    };
    sheet.change([{ row: tide, field: 'title', to: 'Lôw Tide' }]);
    const texts = new SearchTexts(view.columns);
    const of = (search: string) => filtered(view.rows, texts, { kind: 'all' }, search, null, marks).map((row) => row.id);
    expect(of('tide low')).toEqual([tide]);
    expect(of('lindqvist')).toHaveLength(3);
    expect(filtered(view.rows, texts, { kind: 'changed' }, '', null, marks).map((row) => row.id)).toEqual([tide]);
    expect(filtered(view.rows, texts, { kind: 'uneven' }, '', null, marks).map((row) => row.id)).toEqual([harbour]);
    expect(filtered(view.rows, texts, { kind: 'shareless' }, '', null, marks).map((row) => row.id)).toEqual([drive, tide]);
    sheet.change([
      { row: drive, field: 'bpm', to: '104.00' },
      { row: harbour, field: 'bpm', to: '92.00' },
    ]);
    const byBpm = (down: boolean) => filtered(view.rows, texts, { kind: 'all' }, '', { field: 'bpm', down }, marks).map((row) => row.id);
    expect(byBpm(false)).toEqual([harbour, drive, tide]);
    expect(byBpm(true)).toEqual([drive, harbour, tide]);
    expect(sheet.gaps(3).map(([column, count]) => [column.name, count])).toEqual([['isrc', 2]]);
  });
});

describe('a sheet', () => {
  it('takes an edit back when the old value is typed, and undoes and redoes whole steps', async () => {
    const { view, sheet } = await catalogue();
    const row = view.rows[0]!;
    sheet.change([
      { row: drive, field: 'title', to: 'Night Drive (Edit)' },
      { row: tide, field: 'title', to: 'Ebb' },
    ]);
    expect(sheet.text(row, 'title')).toBe('Night Drive (Edit)');
    sheet.change([{ row: drive, field: 'title', to: ' Night Drive ' }]);
    expect(sheet.list.map((edit) => edit.row)).toEqual([tide]);
    sheet.undo();
    expect(sheet.list).toHaveLength(2);
    sheet.undo();
    expect(sheet.list).toEqual([]);
    expect(sheet.undo()).toBe(false);
    sheet.redo();
    expect(sheet.list).toHaveLength(2);
    sheet.discard();
    expect(sheet.list).toEqual([]);
    sheet.undo();
    expect(sheet.list).toHaveLength(2);
  });

  it('survives a restart, and forgets what the catalogue says by then', async () => {
    const { view } = await catalogue();
    const first = new Sheet('test sheet');
    first.take(view);
    first.change([
      { row: drive, field: 'isrc', to: 'QZABC2600012' },
      { row: tide, field: 'bpm', to: '61.00' },
    ]);
    const again = new Sheet('test sheet');
    const moved = {
      ...view,
      rows: view.rows.map((row) =>
        row.id === drive
          ? { ...row, cells: { ...row.cells, isrc: 'QZABC2600012' } }
          : row.id === tide
            ? { ...row, cells: { ...row.cells, bpm: '60.00' } }
            : row,
      ),
    };
    again.take(moved);
    expect(again.list.map((edit) => edit.field)).toEqual(['bpm']);
    expect(again.overtaken.map((edit) => edit.field)).toEqual(['bpm']);
    again.discard();
    expect(new Sheet('test sheet').list).toEqual([]);
  });

  it('goes out as one proposal and stays when that fails', async () => {
    const { studio, sheet } = await catalogue();
    sheet.change([{ row: tide, field: 'isrc', to: 'QZABC2600020' }]);
    studio.failNext('propose_cells', { code: 'server_unreachable', message: 'No answer.', hint: null });
    await expect(sheet.propose(studio, 'ISRC', '')).rejects.toMatchObject({ code: 'server_unreachable' });
    expect(sheet.list).toHaveLength(1);
    await sheet.propose(studio, 'ISRC', '');
    expect(sheet.list).toHaveLength(0);
    expect(sheet.canUndo).toBe(false);
  });

  it('makes rows and lets rows go, as one step each, and sends them with the cells', async () => {
    const { studio, view, sheet } = await catalogue();
    const key = sheet.addRow({ title: 'Coda', isrc: '' });
    sheet.change([{ row: key, field: 'bpm', to: '90' }]);
    expect(sheet.rows.map((row) => row.id)).toEqual([...view.rows.map((row) => row.id), key]);
    sheet.change([{ row: tide, field: 'title', to: 'Gone anyway' }]);
    expect(sheet.deleteRows([tide])).toBe(1);
    expect(sheet.change([{ row: tide, field: 'title', to: 'x' }])).toBe(0);
    expect(sheet.count).toBe(2);
    expect(sheet.changes((row, id) => row?.cells.title ?? id).map((each) => [each.field, each.change])).toEqual([
      ['_row', 'deleted'],
      ['_row', 'added'],
      ['title', 'added'],
      ['bpm', 'added'],
    ]);
    sheet.keepRows([tide]);
    expect(sheet.isDeleted(tide)).toBe(false);
    sheet.undo();
    expect(sheet.deleteRows([key, tide])).toBe(1);
    expect(sheet.rows).toHaveLength(view.rows.length);
    sheet.undo();
    expect(sheet.addRow()).toBe('new 2');
    sheet.undo();
    await sheet.propose(studio, 'Rows', '');
    expect(studio.calls.at(-1)?.args).toMatchObject({
      edits: {
        cells: [
          { row: key, field: 'title', to: 'Coda' },
          { row: key, field: 'bpm', to: '90' },
        ],
        added: [key],
        deleted: [tide],
      },
    });
    expect(sheet.count).toBe(0);
  });

  it('keeps rows made and rows to go over a restart, and drops a deletion of what is gone', async () => {
    window.localStorage.clear();
    const { view } = await catalogue();
    const first = new Sheet('test rows');
    first.take(view);
    first.addRow({ title: 'Coda' });
    first.deleteRows([tide]);
    const again = new Sheet('test rows');
    again.take(view);
    expect([again.added, Array.from(again.deleted)]).toEqual([['new 1'], [tide]]);
    again.take({ ...view, rows: view.rows.filter((row) => row.id !== tide) });
    expect(again.deleted.size).toBe(0);
    again.discard();
    expect(new Sheet('test rows').count).toBe(0);
  });

  it('asks what the rules say and marks errors before warnings', async () => {
    const { studio, sheet } = await catalogue();
    sheet.change([
      { row: tide, field: 'isrc', to: 'qz-abc-26-0002O' },
      { row: tide, field: 'bpm', to: '6' },
    ]);
    await sheet.checkNow(studio);
    expect(sheet.check(tide, 'isrc')).toMatchObject({ level: 'error', suggestion: 'QZABC2600020' });
    expect(sheet.check(tide, 'bpm')).toMatchObject({ level: 'warning' });
    expect(sheet.isInvalid(tide)).toBe(true);
    expect(sheet.errors).toHaveLength(1);
    studio.failNext('check_cells', { code: 'local', message: 'No.', hint: null });
    await sheet.checkNow(studio);
    expect(sheet.errors).toEqual([]);
  });
});

describe('the grid', () => {
  async function grid(rows = 0, canEdit = true) {
    const { studio, view, sheet } = await catalogue(rows);
    const model = new GridModel(() => ({ sheet, rows: view.rows, columns: view.columns, canEdit }));
    const text = (row: number, field: string): string => sheet.text(view.rows[row]!, field);
    const column = (name: string): number => view.columns.findIndex((each) => each.name === name);
    return { studio, view, sheet, model, text, column };
  }

  it('types, keeps, restores and moves on', async () => {
    const { model, text } = await grid();
    model.select({ row: 0, column: 0 });
    model.edit('x');
    expect(model.editing?.text).toBe('x');
    model.restore();
    expect(text(0, 'title')).toBe('Night Drive');
    model.edit();
    model.editing = { ...model.editing!, text: 'Nacht' };
    model.keep('down');
    expect(text(0, 'title')).toBe('Nacht');
    expect(model.at).toEqual({ row: 1, column: 0 });
  });

  it('leaves locked columns alone and says so', async () => {
    const { model, sheet, column } = await grid();
    model.select({ row: 0, column: column('duration') });
    expect(model.edit()).toBe(false);
    expect(model.said).not.toBe('');
    model.clear();
    model.paste('9:99');
    expect(sheet.list).toEqual([]);
    const reader = await grid(0, false);
    reader.model.select({ row: 0, column: 0 });
    reader.model.paste('x');
    expect(reader.sheet.list).toEqual([]);
  });

  it('picks the word of a choice by its first letter', async () => {
    const { model, column } = await grid();
    model.select({ row: 0, column: column('explicit') });
    model.edit('c');
    expect(model.editing?.text).toBe('clean');
  });

  it('fills down from the first row, or from the row above', async () => {
    const { model, text, sheet } = await grid();
    model.select({ row: 0, column: 0 });
    model.select({ row: 2, column: 1 }, true);
    model.fillDown();
    expect([text(1, 'title'), text(2, 'title'), text(2, 'main_artist')]).toEqual(['Night Drive', 'Night Drive', 'Mara Lindqvist']);
    sheet.undo();
    model.select({ row: 2, column: 0 });
    model.fillDown();
    expect(text(2, 'title')).toBe('Low Tide');
  });

  it('copies and pastes ranges, within the table, guarded', async () => {
    const { model, text, sheet } = await grid();
    sheet.change([{ row: drive, field: 'title', to: '=1+1' }]);
    model.select({ row: 0, column: 0 });
    model.select({ row: 1, column: 1 }, true);
    const copied = model.copy();
    expect(copied).toBe("'=1+1\tMara Lindqvist\r\nLow Tide\tMara Lindqvist");
    model.select({ row: 1, column: 0 });
    model.paste(copied);
    expect([text(1, 'title'), text(2, 'title')]).toEqual(['=1+1', 'Low Tide']);
    expect(model.box).toEqual({ top: 1, left: 0, bottom: 2, right: 1 });
    model.select({ row: 2, column: 0 });
    model.paste('a\nb\nc');
    expect(text(2, 'title')).toBe('a');
    expect(model.said).toContain('left out');
    model.select({ row: 0, column: 0 });
    model.select({ row: 2, column: 0 }, true);
    model.paste('same');
    expect([0, 1, 2].map((row) => text(row, 'title'))).toEqual(['same', 'same', 'same']);
    expect(model.cut()).toBe('same\r\nsame\r\nsame');
    expect(text(0, 'title')).toBe('');
  });

  it('fills ten thousand cells as one step, quickly', async () => {
    const { model, sheet, view } = await grid(10_000);
    const start = performance.now();
    model.select({ row: 0, column: 2 });
    model.select({ row: view.rows.length - 1, column: 2 }, true);
    model.paste('QZABC2600012');
    expect(sheet.list.length).toBe(view.rows.length);
    sheet.undo();
    expect(sheet.list).toEqual([]);
    expect(performance.now() - start).toBeLessThan(1500);
  });
});
