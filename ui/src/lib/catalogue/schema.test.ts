import { describe, expect, it } from 'vitest';
import {
  addField,
  lineOf,
  moveField,
  nameOf,
  partsOf,
  readDocument,
  renameField,
  retireField,
  setKey,
  writeDocument,
  type SchemaDocument,
} from './schema';

const document: SchemaDocument = {
  schema_version: 1,
  tables: {
    tracks: {
      fields: [
        { name: 'title', type: 'text', required: 'always' },
        { name: 'bpm', type: 'decimal', scale: 2, min: '1.00' },
      ],
      natural_keys: [['title', 'bpm'], ['title']],
    },
    splits: { fields: [{ name: 'share', type: 'decimal', format: 'percent' }] },
  },
  rules: [
    { kind: 'unique_together', table: 'tracks', fields: ['title', 'bpm'] },
    { kind: 'sum', table: 'splits', group_by: [], field: 'share', equals: '100.00' },
  ],
};
const fields = (of: SchemaDocument) => of.tables.tracks.fields;

describe('the document of columns', () => {
  it('is read back as it was written, and only with the known outline', () => {
    expect(readDocument(writeDocument(document))).toEqual(document);
    for (const text of ['', '{', '[]', 'null', '{"tables":{}}', '{"tables":{"tracks":{"fields":[1]},"splits":{"fields":[]}}}'])
      expect(readDocument(text)).toBeNull();
  });

  it('gets a field whose name follows from its label', () => {
    expect(fields(addField(document, 'tracks', 'Mastered by', 'text')).at(-1)).toEqual({
      name: 'mastered_by',
      label: 'Mastered by',
      type: 'text',
    });
    expect(fields(addField(document, 'tracks', 'Title', 'choice')).at(-1)).toMatchObject({ name: 'title_2', choices: ['yes', 'no'] });
    expect(nameOf('  Éditeur (2) ', [])).toBe('editeur_2');
    expect(nameOf('12"', [])).toBe('column');
    expect(nameOf('漢字', ['column'])).toBe('column_2');
  });

  it('loses what means nothing for another type', () => {
    const text = setKey(document, 'tracks', 1, 'type', 'text');
    expect(fields(text)[1]).toEqual({ name: 'bpm', type: 'text' });
    expect(fields(setKey(document, 'tracks', 0, 'required', ''))[0]).toEqual({ name: 'title', type: 'text' });
    expect(fields(setKey(document, 'tracks', 0, 'label', 'Song'))[0]).toEqual({
      name: 'title',
      type: 'text',
      required: 'always',
      label: 'Song',
    });
  });

  it('renames also in keys and rules, and back again without a trace', () => {
    const renamed = renameField(document, 'tracks', 0, 'song', 'title');
    expect(fields(renamed)[0]).toMatchObject({ name: 'song', renamed_from: 'title' });
    expect(renamed.tables.tracks.natural_keys).toEqual([['song', 'bpm'], ['song']]);
    expect(renamed.rules?.[0]).toMatchObject({ fields: ['song', 'bpm'] });
    expect(renameField(renamed, 'tracks', 0, 'title', 'title')).toEqual(document);
  });

  it('retires a field with the keys and rules that need it', () => {
    const without = retireField(document, 'tracks', 1);
    expect(fields(without).map((field) => field.name)).toEqual(['title']);
    expect(without.tables.tracks.natural_keys).toEqual([['title']]);
    expect(without.rules?.map((rule) => rule.kind)).toEqual(['sum']);
    expect(retireField(document, 'splits', 0).rules?.map((rule) => rule.kind)).toEqual(['unique_together']);
  });

  it('changes the order, but not beyond its ends', () => {
    expect(fields(moveField(document, 'tracks', 0, 1)).map((field) => field.name)).toEqual(['bpm', 'title']);
    expect(moveField(document, 'tracks', 0, -1)).toEqual(document);
    expect(moveField(document, 'tracks', 1, 1)).toEqual(document);
  });
});

describe('the place of an error', () => {
  it('is a table, a field and a key as far as the path goes', () => {
    expect(partsOf('$.tables.tracks.fields[3].choices')).toEqual({ table: 'tracks', field: 3, key: 'choices' });
    expect(partsOf('$.tables.splits.fields[0]')).toEqual({ table: 'splits', field: 0, key: null });
    expect(partsOf('$.rules[0]')).toEqual({ table: null, field: null, key: null });
  });

  it('is a line of the text, also where only the part before it exists', () => {
    const text = writeDocument(document);
    const line = (path: string): string => text.split('\n')[(lineOf(text, path) ?? 0) - 1]?.trim() ?? '';
    expect(line('$.tables.tracks.fields[1].min')).toBe('"min": "1.00"');
    expect(line('$.tables.tracks.fields[1]')).toBe('{');
    expect(line('$.tables.tracks.fields[1].type')).toBe('"type": "decimal",');
    expect(line('$.tables.tracks.fields[1].missing')).toBe('{');
    expect(line('$.rules[1].equals')).toBe('"equals": "100.00"');
    expect(lineOf('{"a": "}{\\"", "b": [1, {"c": true}]}', '$.b[1].c')).toBe(1);
    expect(lineOf('{ // no', '$')).toBeNull();
  });
});
