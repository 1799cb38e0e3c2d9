// What the scripts of the peers on node share; turns.py says more.
export const BASE_URL = process.env.OPENAI_BASE_URL;
export const API_KEY = process.env.OPENAI_API_KEY;
export const MODEL = 'gpt-realtime-2.1';
export const TRANSCRIPTION_MODEL = 'gpt-4o-transcribe';

export const HELLO = 'Say hello.';
export const HELLO_BACK = 'Hello there.';
export const WEATHER = 'What is the weather in Rome?';
export const SUNNY = 'It is sunny in Rome.';
export const STORY = 'Tell me a story.';
export const HEARD = 'I heard you.';
export const SAID = ' seconds of speech.';

const RATE = 24_000;
const SAMPLES = Int16Array.from({ length: RATE }, (_, index) => Math.round(8000 * Math.sin(index / 19)));
const SPEECH = Buffer.concat([Buffer.from(SAMPLES.buffer), Buffer.alloc(RATE * 2)]); // speech, and the silence after it
const PIECE = RATE / 5; // bytes in 100 ms
const DEADLINE_MS = 15_000;

/** Throws if `given` is not `wanted`; a text that is wanted may be part of the one given. */
export function expect(given, wanted, what) {
  const same = typeof given === 'string' && typeof wanted === 'string' ? given.includes(wanted) : given === wanted;
  if (!same) throw new Error(`${what}: ${JSON.stringify(given)}, wanted ${JSON.stringify(wanted)}`);
}

/** Events in order, from a source that tells its listeners of each; waits for those that are wanted. */
export class Inbox {
  #events = [];
  #wake = () => {};

  put(event) {
    this.#events.push(event);
    this.#wake();
  }

  /** Gives the events up to the first that is wanted: of a type, or for which a function is true. */
  async until(wanted) {
    const fits = typeof wanted === 'string' ? (event) => event.type === wanted : wanted;
    for (let seen = 0; ; seen += 1) {
      while (seen === this.#events.length) await new Promise((resolve) => { this.#wake = resolve; });
      const event = this.#events[seen];
      if (event.type === 'error') throw new Error(JSON.stringify(event.error ?? event));
      if (fits(event)) return this.#events.splice(0, seen + 1);
    }
  }
}

/** Gives speech and the silence after it in pieces of 100 ms, five times as fast as it is spoken. */
export async function* speech() {
  for (let start = 0; start < SPEECH.length; start += PIECE) {
    yield SPEECH.subarray(start, start + PIECE);
    await new Promise((resolve) => { setTimeout(resolve, 20); });
  }
}

function report(turn, ok, why = '') {
  console.log(JSON.stringify({ turn, ok, why }));
}

async function inTime(promise) {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`nothing within ${DEADLINE_MS} ms`)), DEADLINE_MS);
  });
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}

/** Holds one turn after the other, each with a deadline; `missing` says why there is none of that name. */
export async function hold(turns, missing = {}) {
  for (const [name, turn] of Object.entries(turns)) {
    try {
      await inTime(turn());
      report(name, true);
    } catch (error) {
      report(name, false, String(error.message ?? error).slice(0, 500));
    }
  }
  for (const [name, why] of Object.entries(missing)) report(name, null, why);
  process.exit(0);
}
