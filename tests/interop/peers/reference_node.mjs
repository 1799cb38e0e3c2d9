// openai-realtime-api: the reference client of 2024 as npm has it, which speaks the beta's dialect.
import { RealtimeClient } from 'openai-realtime-api';
import * as turns from './turns.mjs';
import { expect } from './turns.mjs';

const URL = `${turns.BASE_URL.replace('http', 'ws')}/realtime`;
const DETECTED = { turn_detection: { type: 'server_vad' } };
const weather = {
  name: 'weather',
  description: 'The weather.',
  parameters: { type: 'object', properties: { city: { type: 'string' } }, required: ['city'] },
};

/** Opens a session; `talk` gets the client, and its inbox of the server's events. */
async function session(sessionConfig, talk) {
  const client = new RealtimeClient({ url: URL, apiKey: turns.API_KEY, model: turns.MODEL, sessionConfig });
  const inbox = new turns.Inbox();
  client.realtime.on('server.*', (event) => inbox.put(event.event ?? event));
  await client.connect();
  await client.waitForSessionCreated();
  await inbox.until('session.updated');
  await talk(client, inbox);
  client.disconnect();
}

const ask = (client, text) => client.sendUserMessageContent([{ type: 'input_text', text }]);
const answer = async (inbox) => (await inbox.until('response.done')).at(-1).response;
const last = (client) => client.conversation.getItems().at(-1).formatted;

async function speak(client) {
  for await (const piece of turns.speech()) {
    // A copy: the client sends all of the buffer behind the samples.
    client.appendInputAudio(Int16Array.from(new Int16Array(piece.buffer, piece.byteOffset, piece.length / 2)));
  }
}

const text = () => session({ modalities: ['text'] }, async (client, inbox) => {
  ask(client, turns.HELLO);
  expect((await answer(inbox)).status, 'completed', 'status');
  expect(last(client).text, turns.HELLO_BACK, 'text');
});

const audio = () => session({}, async (client, inbox) => {
  await speak(client);
  client.createResponse(); // there is no turn detection: it commits
  await answer(inbox);
  expect(last(client).transcript, turns.HEARD, 'transcript');
  expect(last(client).audio.length > 0, true, 'sound');
});

const tool = () => session({ modalities: ['text'] }, async (client, inbox) => {
  client.addTool(weather, ({ city }) => `It is sunny in ${city}.`);
  await inbox.until('session.updated');
  ask(client, turns.WEATHER);
  await answer(inbox);
  await answer(inbox);
  expect(last(client).text, turns.SUNNY, 'text');
});

const cancel = () => session({}, async (client, inbox) => {
  ask(client, turns.STORY);
  const { item_id: heard } = (await inbox.until('response.audio.delta')).at(-1);
  client.cancelResponse(heard, 240);
  const events = await inbox.until('conversation.item.truncated');
  expect(events.at(-1).audio_end_ms, 10, 'end');
  const done = events.find((event) => event.type === 'response.done');
  expect((done?.response ?? await answer(inbox)).status_details.reason, 'client_cancelled', 'reason');
  ask(client, turns.HELLO);
  expect((await answer(inbox)).status, 'completed', 'status of the next');
});

const barge_in = () => session(DETECTED, async (client, inbox) => {
  ask(client, turns.STORY);
  await inbox.until('response.audio.delta');
  await speak(client);
  expect((await answer(inbox)).status_details.reason, 'turn_detected', 'reason');
  await answer(inbox);
  expect(last(client).transcript, turns.HEARD, 'transcript');
});

const transcription = () => session(DETECTED, async (client, inbox) => {
  await speak(client);
  const events = await inbox.until('conversation.item.input_audio_transcription.completed');
  expect(client.conversation.getItem(events.at(-1).item_id).formatted.transcript, turns.SAID, 'transcript');
});

const missing = { transcription_session: 'it has no transcription sessions' };
await turns.hold({ text, audio, tool, cancel, barge_in, transcription }, missing);
