// Questions to the API with the viewer's key, which stays in this tab's session and goes into no URL.

const KEPT_AS = "directpay.key";
const ANSWER_MS_MAX = 10_000;
// By path, the answers that have a tag: what has not changed since is not sent again.
const tagged = new Map();

export class Unanswered extends Error {
  /** `isOfKey`: the key is at fault, and asking again is in vain. */
  constructor(message, {isOfKey = false} = {}) {
    super(message);
    this.isOfKey = isOfKey;
  }
}

export const key = () => sessionStorage.getItem(KEPT_AS);

export function keepKey(text) {
  // A header takes visible ASCII only; whatever else was pasted is no key of ours.
  if (!/^[\x21-\x7e]+$/.test(text)) throw new Unanswered("That is no API key.", {isOfKey: true});
  tagged.clear();
  sessionStorage.setItem(KEPT_AS, text);
}

export function forgetKey() {
  tagged.clear();
  sessionStorage.removeItem(KEPT_AS);
}

/** Return the answer to a GET; the very same object again while the answer has not changed. Raises Unanswered. */
export async function ask(path) {
  const known = tagged.get(path);
  const headers = {Authorization: `Bearer ${key()}`};
  if (known) headers["If-None-Match"] = known.tag;
  let answer, body;
  try {
    const signal = AbortSignal.timeout(ANSWER_MS_MAX);
    answer = await fetch(path, {headers, signal, cache: "no-store", credentials: "omit", redirect: "error"});
    body = answer.status === 304 ? known.body : await answer.json();
  } catch {
    throw new Unanswered("The API does not answer.");
  }
  if (answer.status === 401) throw new Unanswered("This key is not known (any more).", {isOfKey: true});
  if (answer.status === 403) throw new Unanswered("This key may not read payments.", {isOfKey: true});
  if (!answer.ok && answer.status !== 304) throw new Unanswered(body.detail || body.title || `Status ${answer.status}`);
  const tag = answer.headers.get("ETag");
  if (tag) tagged.set(path, {tag, body});
  return body;
}
