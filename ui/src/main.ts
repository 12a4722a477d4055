// Starts the window: fonts and styles, the studio, the screens.
import { mount } from 'svelte';
import './styles/tokens.css';
import './styles/fonts.css';
import './styles/base.css';
import Root from './Root.svelte';
import { openBackend } from './lib/ipc/open';
import { App } from './lib/state/app.svelte';

const target = document.getElementById('app');
if (!target) throw new Error('index.html has no #app');

// A file dropped beside a target must not replace the page; the desktop hears of drops by itself.
for (const name of ['dragover', 'drop'] as const) window.addEventListener(name, (event) => event.preventDefault());

mount(Root, { target, props: { app: new App(await openBackend()) } });
