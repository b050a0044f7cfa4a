// The figures at the top: of the time that is looked at, and of now.

import {place} from "./elements.js";
import {cents, count, duration, longPeriod, money, percent, shortMoney} from "./figures.js";

const sum = (values) => values.reduce((total, value) => total + BigInt(value), 0n);
const payments = (number) => `${count(number)} ${BigInt(number) === 1n ? "payment" : "payments"}`;

function tell(id, text) {
  place(id).textContent = text;
}

export function showTotals({volume, failure_rate: rate, in_flight: flight, periods, bucket, to}) {
  const of = (statuses) => sum(volume.filter((series) => statuses.includes(series.status)).flatMap((series) => series.counts));
  const amount = sum(volume.flatMap((series) => series.amounts.map(cents)));
  const inFlight = sum(flight.map((row) => cents(row.amount)));
  tell("total-count", count(sum(volume.flatMap((series) => series.counts))));
  tell("total-completed", `${count(of(["completed", "refunded"]))} completed`);
  tell("total-amount", shortMoney(amount));
  tell("total-amount-exact", money(amount));
  tell("failure-rate", percent(rate.overall));
  tell("failure-count", `${count(of(["failed"]))} failed, ${count(of(["returned"]))} returned`);
  tell("flight-amount", shortMoney(inFlight));
  tell("flight-count", payments(sum(flight.map((row) => row.count))));
  tell("span", `${longPeriod(periods[0], bucket === "month" ? bucket : "day")} to ${longPeriod(to, "day")} (UTC)`);
}

export function showHealth({items, kafka, postgres, views}) {
  const ready = [...items.map((item) => item.status === "ready"), kafka, postgres], well = ready.filter(Boolean).length;
  tell("process-count", well === ready.length ? `${well} ready` : `${well} of ${ready.length} ready`);
  place("process-count").className = well === ready.length ? "" : "bad";
  const behind = views.map((view) => view.behind_s).filter((seconds) => seconds !== null);
  const lag = sum(views.map((view) => view.lag));
  tell("view-lag", behind.length === 0 ? "" : `views at most ${duration(Math.max(...behind))} old, ${count(lag)} behind`);
}
