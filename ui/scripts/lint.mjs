// The rules of ui/ that types cannot hold. Prints every breach with its place and ends with the count.
import { readdirSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parse } from 'svelte/compiler';

const root = fileURLToPath(new URL('..', import.meta.url));
const found = [];
const report = (file, text, at, message) => {
  const line = text.slice(0, at).split('\n').length;
  found.push(`${relative(root, file)}:${line}: ${message}`);
};

function files(folder) {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) =>
    entry.isDirectory() ? (entry.name === 'generated' ? [] : files(join(folder, entry.name))) : [join(folder, entry.name)],
  );
}

// Pattern, message, and the paths it does not hold for.
const patterns = [
  [/\{@html\b/g, 'text never becomes markup: no {@html}', null],
  [/\b(inner|outer)HTML\b|insertAdjacentHTML|document\.write|\beval\(|new Function\(/g, 'text never becomes markup or code', null],
  [/from '@tauri-apps\//g, 'only src/lib/ipc knows Tauri', /src\/lib\/ipc\//],
  [/#[0-9a-f]{3,8}\b(?=[;\s'")])/gi, 'colours stand in styles/tokens.css', /tokens|\.test\.ts$|router|Shell\.svelte|main\.ts/],
  [/:\s*any\b|\bas any\b|<any>/g, 'no any: use unknown and check', null],
  [/@ts-(ignore|expect-error|nocheck)/g, 'no silenced types', null],
  [
    /\bfetch\(|XMLHttpRequest|WebSocket\(/g,
    'Rust makes every network call',
    /fetch\(version|LaneCanvas|MiniWave|Lanes\.svelte|loaded\.svelte\.ts|waveform\/cache\.ts/,
  ],
];
const spoken = new Set(['aria-label', 'title', 'placeholder', 'alt', 'label', 'aria-valuetext', 'aria-description']);
const letters = /\p{L}{2,}/u;

function walk(node, visit, parent = null) {
  if (Array.isArray(node)) for (const each of node) walk(each, visit, parent);
  else if (node !== null && typeof node === 'object' && typeof node.type === 'string') {
    visit(node, parent);
    for (const [key, value] of Object.entries(node)) if (key !== 'parent') walk(value, visit, node);
  }
}

function markup(file, text) {
  const tree = parse(text, { modern: true });
  walk(tree.fragment, (node, parent) => {
    if (node.type === 'Text' && parent?.type !== 'Attribute' && parent?.type !== 'StyleDirective' && letters.test(node.data))
      report(file, text, node.start, `user-visible text outside lib/texts: “${node.data.trim().slice(0, 40)}”`);
    if (node.type === 'Attribute' && node.name === 'style')
      report(file, text, node.start, 'a style attribute breaks the content security policy; use style: or a class');
    if (node.type === 'Attribute' && spoken.has(node.name) && Array.isArray(node.value)) {
      for (const part of node.value)
        if (part.type === 'Text' && letters.test(part.data))
          report(file, text, node.start, `user-visible text outside lib/texts: “${part.data}”`);
    }
  });
}

for (const file of files(join(root, 'src'))) {
  if (!/\.(ts|svelte|css)$/.test(file)) continue;
  const text = readFileSync(file, 'utf8');
  for (const [pattern, message, except] of patterns) {
    if (except?.test(file)) continue;
    for (const match of text.matchAll(pattern)) report(file, text, match.index, message);
  }
  if (file.endsWith('.svelte')) markup(file, text);
  if (/src\/components\//.test(file) && /backend\.call|useApp/.test(text))
    report(file, text, 0, 'components get data as properties; views talk to the studio');
  if (/src\/views\//.test(file) && text.length > 25_000) report(file, text, 0, 'over 25 KB: split it');
}

const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
if (Object.keys(manifest.dependencies).length >= 15) found.push('package.json: 15 or more runtime dependencies need the isolation pattern');
if (readFileSync(join(root, 'package-lock.json'), 'utf8').includes('"resolved"')) found.push('package-lock.json: holds download addresses');

for (const line of found) process.stdout.write(`${line}\n`);
process.stdout.write(`${found.length} problems\n`);
process.exit(found.length === 0 ? 0 : 1);
