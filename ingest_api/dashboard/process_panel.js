// Health and lag of each process, and how far the views are behind the log.

import {element, fillTable, place} from "./elements.js";
import {count, duration} from "./figures.js";

const STATES = {ready: "good-state", unready: "warn-state", down: "bad-state"};

export function showProcesses({items, kafka, postgres, views}) {
  const servers = [["kafka", kafka], ["postgres", postgres]].map(([process, answers]) => [process, state(answers ? "ready" : "down"), "–"]);
  fillTable(place("process-table"), [{title: "Process"}, {title: "Health"}, {title: "To do", isNumber: true}],
    [...items.map((item) => [item.process, state(item.status), work(item)]), ...servers]);
  fillTable(place("view-table"), [{title: "Topic"}, {title: "Behind", isNumber: true}, {title: "At most", isNumber: true}],
    views.map((view) => [view.topic, count(view.lag), view.behind_s === null ? "–" : `${duration(view.behind_s)} old`]),
    "Postgres does not answer.");
}

function state(status) {
  return element("span", {class: `state ${STATES[status] ?? "warn-state"}`}, element("span", {class: "swatch", "aria-hidden": "true"}),
    element("span", {class: "name"}, status));
}

function work(item) {
  const told = [];
  if (item.lag !== null) told.push(`${count(item.lag)} behind`);
  if (item.in_hand !== null) told.push(`${count(item.in_hand)} in hand`);
  return told.join(", ") || "–";
}
