// Where the user is, kept in the address after `#`, so that back and forward work.
export type Route =
  | { name: 'library'; project: string | null }
  | { name: 'track'; track: string }
  | { name: 'inbox'; changeSet: string | null }
  | { name: 'catalogue'; project: string | null; table: string }
  | { name: 'import'; project: string; table: string }
  | { name: 'columns'; project: string }
  | { name: 'take-over'; project: string | null }
  | { name: 'trash'; project: string | null }
  | { name: 'members'; project: string }
  | { name: 'activity'; project: string | null }
  | { name: 'account' }
  | { name: 'site' }
  | { name: 'check' }
  | { name: 'connect' }
  | { name: 'settings' };

export function parse(hash: string): Route {
  const [name, first, second] = hash.replace(/^#\/?/u, '').split('/').map(decode);
  switch (name) {
    case 'track':
      return first ? { name, track: first } : { name: 'library', project: null };
    case 'inbox':
      return { name, changeSet: first || null };
    case 'catalogue':
      return { name, project: first || null, table: second || 'tracks' };
    case 'import':
      return first ? { name, project: first, table: second || 'tracks' } : { name: 'catalogue', project: null, table: 'tracks' };
    case 'columns':
      return first ? { name, project: first } : { name: 'catalogue', project: null, table: 'tracks' };
    case 'members':
      return first ? { name, project: first } : { name: 'library', project: null };
    case 'activity':
    case 'take-over':
    case 'trash':
      return { name, project: first || null };
    case 'account':
    case 'site':
    case 'check':
    case 'connect':
    case 'settings':
      return { name };
    default:
      return { name: 'library', project: first || null };
  }
}

export function href(route: Route): string {
  const join = (...parts: (string | null)[]): string =>
    `#/${parts
      .filter((part) => part !== null)
      .map(encodeURIComponent)
      .join('/')}`;
  switch (route.name) {
    case 'library':
      return join('library', route.project);
    case 'track':
      return join('track', route.track);
    case 'inbox':
      return join('inbox', route.changeSet);
    case 'catalogue':
      return route.project === null ? join('catalogue') : join('catalogue', route.project, route.table);
    case 'import':
      return join('import', route.project, route.table);
    case 'columns':
      return join('columns', route.project);
    case 'members':
      return join('members', route.project);
    case 'activity':
    case 'take-over':
    case 'trash':
      return join(route.name, route.project);
    case 'account':
    case 'site':
    case 'check':
    case 'connect':
    case 'settings':
      return join(route.name);
  }
}

function decode(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return '';
  }
}

export class Router {
  route = $state.raw<Route>(parse(window.location.hash));

  /** Follows the address until the returned function is called. */
  listen(): () => void {
    const changed = (): void => {
      this.route = parse(window.location.hash);
    };
    window.addEventListener('hashchange', changed);
    return () => window.removeEventListener('hashchange', changed);
  }

  go(route: Route): void {
    window.location.hash = href(route);
    this.route = route;
  }
}
