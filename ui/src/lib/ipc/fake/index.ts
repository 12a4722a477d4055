// Opens the in-memory studio, set up from the address: ?empty, ?connection=offline, ?role=member, ?import=errors, ?delay=400, ?rows=10000, ?mail, ?site.
import type { ImportCase } from './imports';
import { FakeBackend, usualOptions, type StudioOptions } from './studio';

declare global {
  interface Window {
    /** Test builds only: the studio behind the screens. */
    collabtrackFake?: FakeBackend;
  }
}

const cases: readonly ImportCase[] = ['fine', 'errors', 'columns', 'unreadable', 'stale', 'already'];

export function openFake(params: URLSearchParams): FakeBackend {
  const connection = params.get('connection');
  const options: Partial<StudioOptions> = {
    empty: params.has('empty'),
    role: params.get('role') === 'member' ? 'member' : 'admin',
    importCase: cases.find((each) => each === params.get('import')) ?? 'fine',
    many: Number(params.get('many') ?? 0),
    mail: params.has('mail'),
    siteAdmin: params.has('site'),
    keyring: params.get('keyring') === 'none' ? 'none' : 'usable',
    checked: params.get('checked') === 'unknown' ? 'unknown' : 'known',
    alone: params.has('alone'),
    alike: params.has('alike'),
    changes: Number(params.get('changes') ?? 0),
    rows: Number(params.get('rows') ?? 0),
    delayMs: Number(params.get('delay') ?? 0),
    now: Date.now(),
    connection: connection === 'none' || connection === 'signed_out' || connection === 'offline' ? connection : usualOptions.connection,
  };
  const studio = new FakeBackend(options);
  window.collabtrackFake = studio;
  return studio;
}
