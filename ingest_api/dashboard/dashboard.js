// The page: a key first, then the figures, asked for again every few seconds while somebody looks.

import {place} from "./elements.js";
import {FailurePanel} from "./failure_panel.js";
import {now, zone} from "./figures.js";
import {showInFlight} from "./flight_panel.js";
import {otherPanels} from "./other_panels.js";
import {NEWEST, PaymentsPanel} from "./payments_panel.js";
import {showProcesses} from "./process_panel.js";
import {ask, forgetKey, keepKey, key} from "./session.js";
import {showSettleTimes} from "./settle_panel.js";
import {showHealth, showTotals} from "./tiles.js";
import {VolumePanel} from "./volume_panel.js";

const EVERY_MS = 5_000, AFTER_FAILURE_MS_MAX = 60_000;
const SLOW_EVERY = 6; // Looks between two at what changes seldom.

const volume = new VolumePanel(), failures = new FailurePanel(), payments = new PaymentsPanel();
const shown = new Map(); // By part, what it shows: an answer that has not changed is not drawn again.
let timer = 0, round = 0, looks = 0, waitMs = EVERY_MS, others = [];

function parts() {
  const [bucket, periods] = document.querySelector('input[name="range"]:checked').value.split("-");
  const slow = looks % SLOW_EVERY === 0 ? others : [];
  return [
    {name: "summary", ask: () => ask(`/api/v1/metrics/summary?bucket=${bucket}&periods=${periods}`), show: showSummary},
    {name: "processes", ask: () => ask("/api/v1/metrics/processes"), show: (body) => { showHealth(body); showProcesses(body); }},
    {name: "payments", ask: () => ask(NEWEST), show: (body) => payments.show(body)},
    ...slow,
  ];
}

function showSummary(summary) {
  place("tenant").textContent = summary.tenant_id;
  place("tenant").hidden = false;
  showTotals(summary);
  volume.show(summary);
  failures.show(summary);
  showSettleTimes(summary);
  showInFlight(summary);
}

async function look() {
  clearTimeout(timer);
  const mine = ++round, asked = parts();
  const answers = await Promise.allSettled(asked.map((part) => part.ask()));
  // Another look has begun meanwhile, or the key was forgotten: this one's answers are nobody's.
  if (mine !== round || key() === null) return;
  const refused = answers.find(({reason}) => reason?.isOfKey);
  if (refused) {
    leave(refused.reason.message);
    return;
  }
  looks += 1;
  answers.forEach(({value}, index) => {
    const {name, show} = asked[index];
    if (value === undefined || shown.get(name) === value) return;
    show(value);
    shown.set(name, value);
  });
  tell([...new Set(answers.flatMap(({reason}) => (reason ? [reason.message] : [])))]);
  if (!document.hidden) timer = setTimeout(look, waitMs);
}

function tell(failed) {
  waitMs = failed.length === 0 ? EVERY_MS : Math.min(waitMs * 2, AFTER_FAILURE_MS_MAX);
  place("trouble").hidden = failed.length === 0;
  place("trouble").textContent = failed.length === 0 ? "" : `${failed.join(" ")} What it is about is shown as it was.`;
  place("live").className = failed.length === 0 ? "on" : "off";
  place("live").textContent = failed.length === 0 ? `Live, as of ${now()}` : `Tried at ${now()}`;
}

async function enter() {
  place("sign-in").hidden = true;
  place("board").hidden = false;
  place("sign-out").hidden = false;
  looks = 0;
  waitMs = EVERY_MS;
  await look();
}

function leave(why) {
  clearTimeout(timer);
  round += 1;
  forgetKey();
  if (shown.size > 0) {
    // A fresh page: nothing of one tenant is left on it for the next.
    history.replaceState({why}, "");
    location.reload();
    return;
  }
  for (const id of ["board", "sign-out"]) place(id).hidden = true;
  place("sign-in").hidden = false;
  place("key-fault").textContent = why;
  place("key").focus();
}

place("key-form").addEventListener("submit", (event) => {
  event.preventDefault();
  place("key-fault").textContent = "";
  try {
    keepKey(place("key").value.trim());
  } catch (failure) {
    leave(failure.message);
    return;
  }
  place("key").value = "";
  enter();
});
place("sign-out").addEventListener("click", () => leave(""));
place("range").addEventListener("change", look);
document.addEventListener("visibilitychange", () => {
  clearTimeout(timer);
  if (document.hidden) place("live").textContent = "Paused";
  else if (key() !== null) look();
});

place("zone").textContent = zone();
others = await otherPanels();
if (key() === null) leave(history.state?.why ?? "");
else enter();
history.replaceState(null, "");
