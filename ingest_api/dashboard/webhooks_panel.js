// Webhook endpoints: which of them take what they are sent, and what the newest attempts came to.

import {element, fillTable, named, place, time} from "./elements.js";
import {moment} from "./figures.js";
import {ask} from "./session.js";

const PATH = "/api/v1/webhook-endpoints/";
const ENDPOINTS_MAX = 10, ATTEMPTS = 20;

export const webhooksPanel = {name: "webhooks", ask: askEndpoints, show: showEndpoints};

async function askEndpoints() {
  const {items} = await ask(`${PATH}?limit=${ENDPOINTS_MAX}`);
  return Promise.all(items.map(async (endpoint) => (
    {endpoint, attempts: (await ask(`${PATH}${endpoint.id}/deliveries?limit=${ATTEMPTS}`)).items})));
}

function showEndpoints(endpoints) {
  const failing = ({attempts}) => attempts.filter(({outcome}) => outcome !== "delivered").length;
  const shown = [...endpoints].sort((one, other) => failing(other) - failing(one));
  fillTable(place("webhooks-table"),
    [{title: "Endpoint", className: "wrap"}, {title: `Failing, of ${ATTEMPTS}`, isNumber: true}, {title: "Newest attempt", className: "wrap"}],
    shown.map((it) => [named(it.endpoint.url, state(it.endpoint)), failed(failing(it), it.attempts.length), newest(it.attempts[0])]),
    "No endpoint yet.");
}

const state = (endpoint) => (endpoint.enabled ? "on" : element("span", {class: "bad"}, `off: ${endpoint.disabled_reason}`));

const failed = (number, attempts) => element("span", {class: number > 0 ? "bad" : null}, `${number} of ${attempts}`);

function newest(attempt) {
  if (!attempt) return "–";
  return element("span", {}, time(attempt.attempted_at, moment(attempt.attempted_at)), ` ${attempt.outcome} `,
    element("span", {class: "faint"}, [attempt.status_code, attempt.error].filter(Boolean).join(" ")));
}
