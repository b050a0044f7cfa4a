// Figures as people read them. Money comes as decimal text and is summed in cents as BigInt: never as a float.

const grouped = (digits) => digits.replace(/\B(?=(\d{3})+$)/g, ",");
const SHORT = [["", 0], [" K", 3], [" M", 6], [" bn", 9], [" tn", 12]];
const SECOND = 1, MINUTE = 60, HOUR = 3600, DAY = 86400;

/** Return the cents of decimal text with two decimals. */
export const cents = (text) => BigInt(text.replace(".", ""));

export function money(inCents) {
  const sign = inCents < 0n ? "−" : "", digits = String(inCents < 0n ? -inCents : inCents).padStart(3, "0");
  return `${sign}$${grouped(digits.slice(0, -2))}.${digits.slice(-2)}`;
}

export function count(number) {
  return grouped(String(number));
}

/** Return a number in few characters: 1.53 M. For places where the exact one stands nearby, or the scale of a chart. */
export function short(number) {
  // The largest unit of which there is one at least, as it is rounded: 999,999 are 1 M.
  const [unit, power] = SHORT.findLast(([, each]) => Number((Math.abs(number) / 10 ** each).toPrecision(3)) >= 1) ?? SHORT[0];
  return Number((number / 10 ** power).toPrecision(3)) + unit;
}

export const shortMoney = (inCents) =>
  inCents < 100_000_00n && inCents > -100_000_00n ? money(inCents) : `$${short(Number(inCents) / 100)}`;

export const percent = (rate) => (rate === null ? "–" : `${(rate * 100).toFixed(2)} %`);

/** Return a duration in the unit that fits it. */
export function duration(seconds) {
  if (seconds < 10 * SECOND) return `${seconds.toFixed(seconds < 1 ? 2 : 1)} s`;
  if (seconds < 2 * MINUTE) return `${Math.round(seconds)} s`;
  if (seconds < 2 * HOUR) return `${(seconds / MINUTE).toFixed(1)} min`;
  if (seconds < 2 * DAY) return `${(seconds / HOUR).toFixed(1)} h`;
  return `${(seconds / DAY).toFixed(1)} d`;
}

const day = new Intl.DateTimeFormat(undefined, {day: "numeric", month: "short", timeZone: "UTC"});
const month = new Intl.DateTimeFormat(undefined, {month: "short", year: "numeric", timeZone: "UTC"});
const longDay = new Intl.DateTimeFormat(undefined,
  {weekday: "short", day: "numeric", month: "short", year: "numeric", timeZone: "UTC"});

/** Return the short name of the period that begins on a day (UTC). */
export const period = (text, bucket) => (bucket === "month" ? month : day).format(new Date(text));

export function longPeriod(text, bucket) {
  if (bucket === "month") return month.format(new Date(text));
  return (bucket === "week" ? "Week from " : "") + longDay.format(new Date(text));
}

const clock = new Intl.DateTimeFormat(undefined, {hour: "2-digit", minute: "2-digit", second: "2-digit"});
const dayAndClock = new Intl.DateTimeFormat(undefined, {day: "numeric", month: "short", hour: "2-digit", minute: "2-digit"});

/** Return a moment (ISO 8601, UTC) in the viewer's zone: without the day when it is today's. */
export function moment(text) {
  const at = new Date(text);
  return (at.toDateString() === new Date().toDateString() ? clock : dayAndClock).format(at);
}

export const now = () => clock.format(new Date());
export const zone = () => Intl.DateTimeFormat().resolvedOptions().timeZone;
