// Browser parts the test environment lacks; the end-to-end lane has the real ones.
import '@testing-library/svelte/vitest';
