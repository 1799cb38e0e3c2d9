// @openai/agents-realtime, OpenAI's agent framework for JavaScript: its sessions over a WebSocket.
import { OpenAIRealtimeWebSocket, RealtimeAgent, RealtimeSession, tool as asTool } from '@openai/agents-realtime';
import { z } from 'zod';
import * as turns from './turns.mjs';
import { expect } from './turns.mjs';

const url = `${turns.BASE_URL.replace('http', 'ws')}/realtime?model=${turns.MODEL}`;
const weather = asTool({
  name: 'weather',
  description: 'The weather.',
  parameters: z.object({ city: z.string() }),
  execute: async ({ city }) => `It is sunny in ${city}.`,
});

/** Holds a talk with an agent that has a tool; the inbox gets the session's events, and what the server sent. */
async function session(config, talk) {
  const agent = new RealtimeAgent({ name: 'Assistant', instructions: 'Be brief.', tools: [weather] });
  const opened = new RealtimeSession(agent, { transport: new OpenAIRealtimeWebSocket({ url }), model: turns.MODEL, config });
  const inbox = new turns.Inbox();
  opened.on('transport_event', (event) => inbox.put(event));
  opened.on('error', (error) => inbox.put({ type: 'error', error: error.error }));
  opened.on('audio', () => inbox.put({ type: 'audio' }));
  opened.on('audio_interrupted', () => inbox.put({ type: 'audio_interrupted' }));
  opened.on('agent_end', (_context, _agent, output) => inbox.put({ type: 'agent_end', output }));
  opened.on('agent_tool_end', () => inbox.put({ type: 'agent_tool_end' }));
  await opened.connect({ apiKey: turns.API_KEY });
  await inbox.until('session.updated');
  await talk(opened, inbox);
  opened.close();
}

async function speak(opened) {
  for await (const piece of turns.speech()) opened.sendAudio(Uint8Array.from(piece).buffer);
}

async function answer(inbox) {
  return (await inbox.until('response.done')).at(-1).response;
}

async function end(inbox) {
  return (await inbox.until('agent_end')).at(-1).output;
}

const written = { outputModalities: ['text'] };
const vad = (interruptResponse) => ({ audio: { input: { turnDetection: { type: 'server_vad', interruptResponse } } } });

const text = () => session(written, async (opened, inbox) => {
  opened.sendMessage(turns.HELLO);
  expect(await end(inbox), turns.HELLO_BACK, 'text');
});

const audio = () => session({}, async (opened, inbox) => {
  await speak(opened);
  await inbox.until('audio');
  expect(await end(inbox), turns.HEARD, 'transcript');
});

const tool = () => session(written, async (opened, inbox) => {
  opened.sendMessage(turns.WEATHER);
  await inbox.until('agent_tool_end');
  await inbox.until((event) => event.type === 'agent_end' && event.output.includes(turns.SUNNY));
});

const cancel = () => session(vad(false), async (opened, inbox) => {
  opened.sendMessage(turns.STORY);
  await inbox.until('audio');
  opened.interrupt();
  expect((await answer(inbox)).status, 'cancelled', 'status');
  opened.sendMessage(turns.HELLO);
  expect((await answer(inbox)).status, 'completed', 'status of the next');
});

const barge_in = () => session(vad(true), async (opened, inbox) => {
  opened.sendMessage(turns.STORY);
  await inbox.until('audio');
  await speak(opened);
  await inbox.until('audio_interrupted');
  expect((await answer(inbox)).status, 'cancelled', 'status');
  expect((await answer(inbox)).output[0].content[0].transcript, turns.HEARD, 'transcript');
});

const transcription = () => session({}, async (opened, inbox) => {
  const transcripts = new turns.Inbox();
  opened.on('history_updated', (history) => history.forEach((item) => transcripts.put(item)));
  await speak(opened);
  const said = (item) => item.role === 'user' && item.content[0].transcript?.includes(turns.SAID);
  await Promise.race([transcripts.until(said), inbox.until('never')]);
});

await turns.hold(
  { text, audio, tool, cancel, barge_in, transcription },
  { transcription_session: 'it has no transcription sessions' },
);
