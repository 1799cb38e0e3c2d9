// openai, the official package for JavaScript: its WebSocket on node, which speaks wss only.
import OpenAI from 'openai';
import { OpenAIRealtimeWS } from 'openai/realtime/ws';
import * as turns from './turns.mjs';
import { expect } from './turns.mjs';

const client = new OpenAI({ baseURL: turns.BASE_URL, apiKey: turns.API_KEY });

class Session {
  constructor(where) {
    this.inbox = new turns.Inbox();
    this.socket = new OpenAIRealtimeWS(where, client);
    this.socket.on('event', (event) => this.inbox.put(event));
    this.socket.on('error', (error) => this.inbox.put({ type: 'error', error: { message: error.message } }));
  }

  async open(session) {
    await this.inbox.until('session.created');
    this.socket.send({ type: 'session.update', session });
    await this.inbox.until('session.updated');
  }

  create(item) {
    this.socket.send({ type: 'conversation.item.create', item });
    this.socket.send({ type: 'response.create' });
  }

  ask(text) {
    this.create({ type: 'message', role: 'user', content: [{ type: 'input_text', text }] });
  }

  async speak() {
    for await (const piece of turns.speech()) {
      this.socket.send({ type: 'input_audio_buffer.append', audio: piece.toString('base64') });
    }
  }

  async answer() {
    return (await this.inbox.until('response.done')).at(-1).response;
  }
}

async function session(settings, talk) {
  const opened = new Session({ model: turns.MODEL });
  await opened.open({ type: 'realtime', ...settings });
  await talk(opened);
  opened.socket.close();
}

const written = { output_modalities: ['text'] };
const transcribed = { input: { transcription: { model: turns.TRANSCRIPTION_MODEL } } };
const parameters = { type: 'object', properties: { city: { type: 'string' } }, required: ['city'] };
const weather = { type: 'function', name: 'weather', description: 'The weather.', parameters };

const text = () => session(written, async (opened) => {
  opened.ask(turns.HELLO);
  const events = await opened.inbox.until('response.done');
  const deltas = events.filter((event) => event.type === 'response.output_text.delta');
  expect(deltas.map((event) => event.delta).join(''), turns.HELLO_BACK, 'text');
});

const audio = () => session({}, async (opened) => {
  await opened.speak();
  const events = await opened.inbox.until('response.done');
  const deltas = events.filter((event) => event.type === 'response.output_audio_transcript.delta');
  expect(deltas.map((event) => event.delta).join(''), turns.HEARD, 'transcript');
  expect(events.some((event) => event.type === 'response.output_audio.delta'), true, 'sound');
});

const tool = () => session({ ...written, tools: [weather] }, async (opened) => {
  opened.ask(turns.WEATHER);
  const call = (await opened.answer()).output.find((item) => item.type === 'function_call');
  expect(call.arguments, '{"city": "Rome"}', 'arguments');
  opened.create({ type: 'function_call_output', call_id: call.call_id, output: turns.SUNNY });
  expect((await opened.answer()).output[0].content[0].text, turns.SUNNY, 'text');
});

const cancel = () => session({}, async (opened) => {
  opened.ask(turns.STORY);
  await opened.inbox.until('response.output_audio.delta');
  opened.socket.send({ type: 'response.cancel' });
  const response = await opened.answer();
  expect(response.status_details.reason, 'client_cancelled', 'reason');
  opened.ask(turns.HELLO);
  expect((await opened.answer()).status, 'completed', 'status of the next');
});

const barge_in = () => session({}, async (opened) => {
  opened.ask(turns.STORY);
  await opened.inbox.until('response.output_audio.delta');
  await opened.speak();
  const response = await opened.answer();
  expect(response.status_details.reason, 'turn_detected', 'reason');
  expect((await opened.answer()).output[0].content[0].transcript, turns.HEARD, 'transcript');
  const heard = { item_id: response.output[0].id, content_index: 0, audio_end_ms: 10 };
  opened.socket.send({ type: 'conversation.item.truncate', ...heard });
  await opened.inbox.until('conversation.item.truncated');
});

const transcription = () => session({ audio: transcribed }, async (opened) => {
  await opened.speak();
  const events = await opened.inbox.until('conversation.item.input_audio_transcription.completed');
  expect(events.at(-1).transcript, turns.SAID, 'transcript');
});

async function transcription_session() {
  const opened = new Session({ intent: 'transcription' });
  await opened.open({ type: 'transcription', audio: transcribed });
  await opened.speak();
  const events = await opened.inbox.until('conversation.item.input_audio_transcription.completed');
  expect(events.at(-1).transcript, turns.SAID, 'transcript');
  opened.socket.close();
}

await turns.hold({ text, audio, tool, cancel, barge_in, transcription, transcription_session });
