// How values look: times, sizes, dates, loudness. Pure; the locale and the present are arguments where they matter.
const minus = '\u2212';
export const nothing = '\u2013';

/** 222.4 → "3:42"; an hour and more → "1:02:03". Cuts, never rounds up, so a position is never shown before it is reached. */
export function duration(seconds: number): string {
  if (!Number.isFinite(seconds)) return nothing;
  const whole = Math.max(0, Math.floor(seconds + 1e-6));
  const hours = Math.floor(whole / 3600);
  const minutes = Math.floor((whole % 3600) / 60);
  const rest = String(whole % 60).padStart(2, '0');
  return hours > 0 ? `${hours}:${String(minutes).padStart(2, '0')}:${rest}` : `${minutes}:${rest}`;
}

/** 64.2 → "1 minute 4 seconds", for screen readers. */
export function spokenDuration(seconds: number): string {
  const whole = Math.max(0, Math.floor(seconds + 1e-6));
  const minutes = Math.floor(whole / 60);
  const rest = whole % 60;
  const parts: string[] = [];
  if (minutes > 0) parts.push(`${minutes} ${minutes === 1 ? 'minute' : 'minutes'}`);
  if (rest > 0 || minutes === 0) parts.push(`${rest} ${rest === 1 ? 'second' : 'seconds'}`);
  return parts.join(' ');
}

/** Tick label of a time axis: "0:42", with decimals when the ticks stand closer than a second. */
export function axisTime(seconds: number, stepSeconds: number): string {
  if (stepSeconds >= 1) return duration(Math.round(seconds));
  const decimals = Math.min(6, Math.ceil(-Math.log10(stepSeconds)));
  const minutes = Math.floor(seconds / 60 + 1e-9);
  const rest = (seconds - minutes * 60).toFixed(decimals).padStart(3 + decimals, '0');
  return `${minutes}:${rest}`;
}

/** Bytes in powers of 1000, as file managers show them. */
export function size(bytes: number): string {
  const units = ['B', 'kB', 'MB', 'GB', 'TB'];
  let value = bytes;
  let unit = 0;
  while (value >= 999.5 && unit < units.length - 1) {
    value /= 1000;
    unit += 1;
  }
  const digits = unit === 0 || value >= 99.5 ? 0 : 1;
  return `${value.toFixed(digits)} ${units[unit]}`;
}

/** −11.8 with a real minus sign. */
export function decibels(value: number, digits = 1): string {
  const rounded = value.toFixed(digits);
  const zero = Number(rounded) === 0;
  return zero ? (0).toFixed(digits) : rounded.replace('-', minus);
}

export function lufs(value: number | null): string {
  return value === null ? nothing : decibels(value);
}

/** Gain of level matching: "−1.8 dB", "0.0 dB". */
export function gain(value: number): string {
  return `${decibels(value)} dB`;
}

/** 48000 → "48 kHz", 44100 → "44.1 kHz". */
export function sampleRate(hertz: number): string {
  if (hertz <= 0) return nothing;
  return `${String(Math.round(hertz / 10) / 100)} kHz`;
}

/** "3 May", with the year when it is not this one. */
export function date(iso: string, now: Date, locale?: string): string {
  const time = new Date(iso);
  if (Number.isNaN(time.getTime())) return iso;
  const sameYear = time.getFullYear() === now.getFullYear();
  return new Intl.DateTimeFormat(locale, { day: 'numeric', month: 'short', ...(sameYear ? {} : { year: 'numeric' }) }).format(time);
}

/** Date and time, for tooltips and records. */
export function dateTime(iso: string, locale?: string): string {
  const time = new Date(iso);
  if (Number.isNaN(time.getTime())) return iso;
  return new Intl.DateTimeFormat(locale, { dateStyle: 'medium', timeStyle: 'short' }).format(time);
}

/** "just now", "5 min ago", "2 h ago", then the date. */
export function ago(iso: string, now: Date, locale?: string): string {
  const time = new Date(iso).getTime();
  if (Number.isNaN(time)) return iso;
  const minutes = Math.floor((now.getTime() - time) / 60_000);
  if (minutes < 1) return 'just now';
  if (minutes < 60) return `${minutes} min ago`;
  if (minutes < 24 * 60) return `${Math.floor(minutes / 60)} h ago`;
  return date(iso, now, locale);
}

/** "14:02", for "since when". */
export function clock(iso: string, locale?: string): string {
  const time = new Date(iso);
  if (Number.isNaN(time.getTime())) return iso;
  return new Intl.DateTimeFormat(locale, { hour: '2-digit', minute: '2-digit' }).format(time);
}

/** First 8 characters of a fingerprint, enough to compare by eye. */
export function shortFingerprint(fingerprint: string): string {
  return fingerprint.slice(0, 8);
}
