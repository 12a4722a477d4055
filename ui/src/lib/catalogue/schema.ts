// The document of columns while somebody edits it: what stands where, and what each act makes of it. Pure; whether the result is
// acceptable is for the rules of the catalogue to say.

export type TableName = 'tracks' | 'splits';
export const tableNames: readonly TableName[] = ['tracks', 'splits'];

/** A field as the document has it: keys the screen does not know stay as they are. */
export type FieldDocument = { name: string; type: string } & Record<string, unknown>;

export interface SchemaDocument {
  schema_version: number;
  tables: Record<TableName, { fields: FieldDocument[]; natural_keys?: string[][] }>;
  rules?: Record<string, unknown>[];
}

export const fieldTypes = [
  'text',
  'longtext',
  'integer',
  'decimal',
  'boolean',
  'date',
  'duration',
  'choice',
  'list',
  'url',
  'reference',
] as const;
export const textFormats = [
  'isrc',
  'iswc',
  'gtin',
  'ipi_name',
  'ipi_base',
  'isni',
  'mbid',
  'musical_key',
  'language',
  'territory',
  'email',
] as const;
export const requiredWords = ['never', 'release', 'always'] as const;
export const roles = ['listener', 'member', 'admin'] as const;

/** Keys that have a meaning for a type besides those every field has. */
const ownKeys: Readonly<Record<string, readonly string[]>> = {
  text: ['format', 'max_length', 'pattern'],
  longtext: ['max_length', 'pattern'],
  integer: ['min', 'max'],
  decimal: ['format', 'scale', 'min', 'max'],
  date: ['min', 'max'],
  duration: ['min', 'max'],
  choice: ['choices'],
  list: ['of', 'format', 'separator', 'max_items', 'max_length', 'pattern'],
  url: ['max_length', 'pattern'],
  reference: ['to'],
};
const allOwnKeys = new Set(Object.values(ownKeys).flat());

export function hasKey(type: string, key: string): boolean {
  return (ownKeys[type] ?? []).includes(key);
}

/** The document, or nothing where it is no JSON of the known outline. */
export function readDocument(text: string): SchemaDocument | null {
  try {
    const document = JSON.parse(text) as Partial<SchemaDocument> | null;
    const tables = document?.tables;
    if (!tables || !tableNames.every((name) => Array.isArray(tables[name]?.fields))) return null;
    if (!tableNames.every((name) => tables[name].fields.every((field) => typeof field === 'object' && field !== null))) return null;
    return document as SchemaDocument;
  } catch {
    return null;
  }
}

export function writeDocument(document: SchemaDocument): string {
  return JSON.stringify(document, null, 2);
}

function withFields(document: SchemaDocument, table: TableName, fields: FieldDocument[]): SchemaDocument {
  return { ...document, tables: { ...document.tables, [table]: { ...document.tables[table], fields } } };
}

/** A name no field of the table has yet, made of a label: “Mastered by” becomes `mastered_by`. */
export function nameOf(label: string, taken: readonly string[]): string {
  const plain = label
    .normalize('NFKD')
    .replace(/\p{M}/gu, '')
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/gu, '_')
    .replaceAll(/^[^a-z]+|_+$/gu, '')
    .slice(0, 60);
  const base = plain === '' ? 'column' : plain;
  let name = base;
  for (let number = 2; taken.includes(name); number += 1) name = `${base}_${number}`;
  return name;
}

export function addField(document: SchemaDocument, table: TableName, label: string, type: string): SchemaDocument {
  const { fields } = document.tables[table];
  const name = nameOf(
    label,
    fields.map((field) => field.name),
  );
  const field: FieldDocument = { name, label, type };
  if (type === 'choice') field.choices = ['yes', 'no'];
  if (type === 'reference') field.to = 'tracks';
  return withFields(document, table, [...fields, field]);
}

/** Sets a key of a field; an empty value takes it out. Another type takes out the keys that mean nothing for it. */
export function setKey(document: SchemaDocument, table: TableName, at: number, key: string, value: unknown): SchemaDocument {
  const fields = document.tables[table].fields.map((field, index) => {
    if (index !== at) return field;
    const entries = Object.entries(field).filter(
      ([name]) => name !== key && (key !== 'type' || !allOwnKeys.has(name) || hasKey(String(value), name)),
    );
    const isEmpty = value === '' || value === null || value === undefined || (Array.isArray(value) && value.length === 0);
    const place = Object.keys(field).indexOf(key);
    if (!isEmpty) entries.splice(place < 0 ? entries.length : Math.min(place, entries.length), 0, [key, value]);
    const next = Object.fromEntries(entries) as FieldDocument;
    if (key === 'type') {
      if (value === 'choice') next.choices ??= ['yes', 'no'];
      if (value === 'reference') next.to ??= 'tracks';
      delete next.default;
    }
    return next;
  });
  return withFields(document, table, fields);
}

/**
 * Gives a field another name, also where rules and keys name it. `before` is its name in the columns of now, if it is there: its values
 * move along.
 */
export function renameField(document: SchemaDocument, table: TableName, at: number, name: string, before: string | null): SchemaDocument {
  const old = document.tables[table].fields[at]?.name;
  if (old === undefined) return document;
  const fields = document.tables[table].fields.map((field, index) => {
    if (index !== at) return field;
    const { renamed_from: earlier, ...rest } = field;
    const from = before ?? (typeof earlier === 'string' ? earlier : null);
    const renamed = { ...rest, name } as FieldDocument;
    return from === null || from === name ? renamed : { ...renamed, renamed_from: from };
  });
  return everywhere(withFields(document, table, fields), table, (each) => (each === old ? name : each));
}

/** Takes a field out, with the keys and rules that need it; its values stay in the history. */
export function retireField(document: SchemaDocument, table: TableName, at: number): SchemaDocument {
  const gone = document.tables[table].fields[at]?.name;
  const fields = document.tables[table].fields.filter((_, index) => index !== at);
  return everywhere(withFields(document, table, fields), table, (each) => (each === gone ? null : each));
}

export function moveField(document: SchemaDocument, table: TableName, at: number, by: -1 | 1): SchemaDocument {
  const fields = [...document.tables[table].fields];
  const [field] = fields.splice(at, 1);
  if (!field || at + by < 0 || at + by > fields.length) return document;
  fields.splice(at + by, 0, field);
  return withFields(document, table, fields);
}

/** Names in natural keys and rules of a table, mapped; a key or rule that loses a name goes. */
function everywhere(document: SchemaDocument, table: TableName, to: (name: string) => string | null): SchemaDocument {
  const all = (names: readonly unknown[]): string[] | null => {
    const mapped = names.map((name) => to(String(name)));
    return mapped.includes(null) ? null : (mapped as string[]);
  };
  const of = document.tables[table];
  const keys = of.natural_keys?.map(all).filter((key): key is string[] => key !== null);
  const rules = document.rules?.flatMap((rule) => {
    if (rule.table !== table) return [rule];
    const next = { ...rule };
    for (const name of ['fields', 'group_by'] as const) {
      const names = rule[name];
      if (!Array.isArray(names)) continue;
      const mapped = all(names as unknown[]);
      if (mapped === null) return [];
      next[name] = mapped;
    }
    if (typeof rule.field === 'string') {
      const field = to(rule.field);
      if (field === null) return [];
      next.field = field;
    }
    return [next];
  });
  return {
    ...document,
    tables: { ...document.tables, [table]: keys === undefined ? of : { ...of, natural_keys: keys } },
    ...(rules === undefined ? {} : { rules }),
  };
}

/** Where a JSON path of an error points: table, field and key, as far as it goes. */
export function partsOf(path: string): { table: TableName | null; field: number | null; key: string | null } {
  const found = /^\$\.tables\.(tracks|splits)(?:\.fields\[(\d+)\](?:\.(\w+))?)?/u.exec(path);
  return {
    table: (found?.[1] as TableName | undefined) ?? null,
    field: found?.[2] === undefined ? null : Number(found[2]),
    key: found?.[3] ?? null,
  };
}

/** The line, from 1, where the value of a JSON path begins; nothing where the text has no such place. */
export function lineOf(text: string, path: string): number | null {
  const said = /line (\d+)/u.exec(path);
  if (said) return Number(said[1]);
  const wanted = path
    .slice(1)
    .replaceAll(/\[(\d+)\]/gu, '.$1')
    .split('.')
    .filter((step) => step !== '');
  const steps: (string | number)[] = [];
  const place = (at: number): number => text.slice(0, at).split('\n').length;
  let at = 0;
  let best: number | null = null;
  let depth = 0;
  const reached = (): void => {
    const fits = steps.every((step, index) => String(step) === wanted[index]);
    if (fits && steps.length <= wanted.length && steps.length > depth) {
      depth = steps.length;
      best = place(at);
    }
  };
  const string = (): string => {
    const start = at;
    at += 1;
    while (at < text.length && text[at] !== '"') at += text[at] === '\\' ? 2 : 1;
    at += 1;
    try {
      return JSON.parse(text.slice(start, at)) as string;
    } catch {
      return '';
    }
  };
  const blank = (): void => {
    while (at < text.length && /\s/u.test(text[at] ?? '')) at += 1;
  };
  const value = (): boolean => {
    blank();
    const opening = text[at];
    if (opening === '{' || opening === '[') {
      at += 1;
      for (let index = 0; at < text.length; index += 1) {
        blank();
        if (text[at] === '}' || text[at] === ']') {
          at += 1;
          return true;
        }
        if (opening === '{') {
          if (text[at] !== '"') return false;
          const begin = at;
          steps.push(string());
          const after = at;
          at = begin;
          reached();
          at = after;
          blank();
          if (text[at] !== ':') return false;
          at += 1;
        } else {
          steps.push(index);
          reached();
        }
        if (!value()) return false;
        steps.pop();
        blank();
        if (text[at] === ',') at += 1;
      }
      return false;
    }
    if (opening === '"') string();
    else while (at < text.length && !/[\s,\]}]/u.test(text[at] ?? '')) at += 1;
    return true;
  };
  value();
  return best;
}
