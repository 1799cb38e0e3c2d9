/**
 * A voice session in a browser, over WebRTC or over a WebSocket, against the broker of openai_realtime. Copy it.
 *
 *     const session = new RealtimeSession({ base: "/voice", headers: { Authorization: "Bearer ..." } });
 *     session.addEventListener("caption", ({ detail }) => show(detail.role, detail.text, detail.final));
 *     await session.connect("webrtc");          // or "websocket"; asks for the microphone
 *     session.sendText("Hello"); session.interrupt(); session.mute(true); session.close();
 *
 * It dispatches, each with `detail`:
 *   state    "connecting", "open", "closed"
 *   event    {sent: boolean, event: object}: every event of the session, in order
 *   caption  {id, role: "user" | "assistant", text, final}: the words of one item so far
 *   tool     {call_id, name, arguments}: a call of a function, which the server carries out
 *   latency  {ms}: from the end of the user's turn to the first sound or word of the answer
 *   error    {message}: what went wrong, and what to do about it
 */

const RATE = 24000;
const WORKLET = `registerProcessor("capture", class extends AudioWorkletProcessor {
  process([input]) { if (input[0]) this.port.postMessage(input[0].slice()); return true; }
});`;

export class RealtimeSession extends EventTarget {
  constructor({ base = "", headers = {}, choices = {} } = {}) {
    super();
    this.base = base;
    this.headers = headers;
    this.query = new URLSearchParams(choices).toString();
    this.state = "closed";
    this.captions = new Map();
    this.turnEnded = null;
    this.cleanup = [];
  }

  async connect(transport) {
    this._state("connecting");
    try {
      this.audio = new AudioContext({ sampleRate: RATE });
      await this.audio.resume();
      this.cleanup.push(() => this.audio.close());
      this.microphone = await this._microphone();
      await (transport === "webrtc" ? this._connectWebRTC() : this._connectWebSocket());
      this._state("open");
    } catch (error) {
      this._fail(error.message);
      this.close();
      throw error;
    }
  }

  send(event) {
    if (this.state === "closed") return;
    this.channel.send(JSON.stringify(event));
    this._dispatch("event", { sent: true, event });
  }

  sendText(text) {
    const item = { type: "message", role: "user", content: [{ type: "input_text", text }] };
    this.send({ type: "conversation.item.create", item });
    this.send({ type: "response.create" });
    this.turnEnded = performance.now();
  }

  /** Stop the answer: what was heard of it stays in the conversation. */
  interrupt() {
    if (this.responding) this.send({ type: "response.cancel" });
    this._stopPlayback();
  }

  mute(muted) {
    for (const track of this.microphone?.getTracks() ?? []) track.enabled = !muted;
  }

  close() {
    for (const undo of this.cleanup.splice(0).reverse()) undo();
    if (this.state !== "closed") this._state("closed");
  }

  /** How loud it is, 0 to 1: {input, output}. */
  levels() {
    return { input: level(this.inputMeter), output: level(this.outputMeter) };
  }

  async _microphone() {
    let stream;
    try {
      stream = await navigator.mediaDevices.getUserMedia({ audio: { echoCancellation: true, noiseSuppression: true } });
    } catch (error) {
      const why = error.name === "NotFoundError" ? "No microphone was found. Plug one in" :
        "The microphone was refused. Allow it for this page in the browser's address bar";
      throw new Error(`${why}, and connect again.`);
    }
    this.cleanup.push(() => stream.getTracks().forEach((track) => track.stop()));
    this.inputMeter = this.audio.createAnalyser();
    this.source = this.audio.createMediaStreamSource(stream);
    this.source.connect(this.inputMeter);
    return stream;
  }

  async _connectWebRTC() {
    const peer = new RTCPeerConnection();
    this.cleanup.push(() => peer.close());
    for (const track of this.microphone.getTracks()) peer.addTrack(track, this.microphone);
    const channel = peer.createDataChannel("oai-events");
    peer.ontrack = ({ streams, track }) => this._playStream(streams[0] ?? new MediaStream([track]));
    peer.onconnectionstatechange = () => {
      if (["failed", "disconnected"].includes(peer.connectionState)) this._lost();
    };
    const opened = this._follow(channel);
    opened.catch(() => {}); // what fails before is told first
    await peer.setLocalDescription(await peer.createOffer());
    const headers = { ...this.headers, "Content-Type": "application/sdp" };
    const answer = await this._fetch(`${this.base}/calls?${this.query}`, peer.localDescription.sdp, headers);
    await peer.setRemoteDescription({ type: "answer", sdp: answer });
    await opened;
  }

  _playStream(stream) {
    const element = new Audio();
    element.srcObject = stream;
    element.play();
    this.outputMeter = this.audio.createAnalyser();
    this.audio.createMediaStreamSource(stream).connect(this.outputMeter);
    this.cleanup.push(() => element.pause());
  }

  async _connectWebSocket() {
    const url = new URL(`${this.base}/realtime?${this.query}`, location.href);
    url.protocol = url.protocol.replace("http", "ws");
    const socket = new WebSocket(url, ["realtime"]);
    this.cleanup.push(() => socket.close(1000));
    this.queue = [];
    this.playsUntil = 0;
    this.outputMeter = this.audio.createAnalyser();
    this.outputMeter.connect(this.audio.destination);
    await this._follow(socket);
    await this._capture();
  }

  /** Send the microphone's samples; the server's turn detection needs the silence too. */
  async _capture() {
    const url = URL.createObjectURL(new Blob([WORKLET], { type: "text/javascript" }));
    await this.audio.audioWorklet.addModule(url);
    URL.revokeObjectURL(url);
    const node = new AudioWorkletNode(this.audio, "capture");
    let pending = [];
    node.port.onmessage = ({ data }) => {
      pending.push(...data);
      if (pending.length < RATE / 25) return; // 40 ms
      this.channel.send(JSON.stringify({ type: "input_audio_buffer.append", audio: toBase64(pending) }));
      pending = [];
    };
    this.source.connect(node);
    this.cleanup.push(() => node.disconnect());
  }

  /** Take the events of a data channel or a WebSocket; resolves when it is open. */
  _follow(channel) {
    this.channel = channel;
    channel.onmessage = ({ data }) => this._received(JSON.parse(data));
    return new Promise((resolve, reject) => {
      channel.onopen = resolve;
      channel.onerror = () => reject(new Error("The server did not take the connection. Is it running, are you signed in?"));
      channel.onclose = ({ code, reason }) => {
        reject(new Error(reason || "The server closed the connection."));
        if (this.state === "open") code === 1000 ? this.close() : this._lost(reason);
      };
    });
  }

  _received(event) {
    this._dispatch("event", { sent: false, event });
    const handler = HANDLERS[event.type];
    if (handler) handler(this, event);
  }

  _caption(id, role, text, { final = false, append = false } = {}) {
    const before = append ? this.captions.get(id) ?? "" : "";
    this.captions.set(id, before + text);
    this._dispatch("caption", { id, role, text: before + text, final });
  }

  _answered() {
    if (this.turnEnded === null) return;
    this._dispatch("latency", { ms: Math.round(performance.now() - this.turnEnded) });
    this.turnEnded = null;
  }

  /** Play audio of a WebSocket behind what is playing; remember when which item sounds. */
  _play({ item_id, content_index, delta }) {
    const samples = fromBase64(delta);
    const buffer = this.audio.createBuffer(1, samples.length, RATE);
    buffer.copyToChannel(samples, 0);
    const node = this.audio.createBufferSource();
    node.buffer = buffer;
    node.connect(this.outputMeter);
    if (this.playsUntil <= this.audio.currentTime) this.queue = []; // all of it was heard
    const start = Math.max(this.audio.currentTime, this.playsUntil);
    node.start(start);
    this.playsUntil = start + buffer.duration;
    this.queue.push({ node, item_id, content_index, start, end: this.playsUntil });
  }

  /** Over WebRTC the server knows what was heard, and truncates; over a WebSocket we do. */
  _stopPlayback() {
    if (!this.queue) {
      if (this.responding) this.send({ type: "output_audio_buffer.clear" });
      return;
    }
    const now = this.audio.currentTime;
    const items = new Map();
    for (const { node, item_id, content_index, start, end } of this.queue) {
      const item = items.get(item_id) ?? { item_id, content_index, heard: 0, audible: false };
      item.heard += Math.max(0, Math.min(now, end) - start);
      item.audible ||= end > now;
      items.set(item_id, item);
      node.stop();
    }
    this.queue = [];
    this.playsUntil = 0;
    for (const { item_id, content_index, heard, audible } of items.values()) {
      const audio_end_ms = Math.floor(heard * 1000);
      if (audible) this.send({ type: "conversation.item.truncate", item_id, content_index, audio_end_ms });
    }
  }

  async _fetch(url, body, headers) {
    let response;
    try {
      response = await fetch(url, { method: "POST", body, headers });
    } catch {
      throw new Error("The server cannot be reached. Is it running?");
    }
    const text = await response.text();
    if (response.ok) return text;
    let message = `The server answered ${response.status}.`;
    try { message = JSON.parse(text).error.message; } catch { /* a page, and no error of ours */ }
    throw new Error(response.status === 401 ? "You are not signed in. Sign in, and connect again." : message);
  }

  _lost(reason) {
    this._fail(`${reason || "The connection was lost."} Connect again.`);
    this.close();
  }

  _fail(message) { this._dispatch("error", { message }); }
  _state(state) { this.state = state; this._dispatch("state", state); }
  _dispatch(type, detail) { this.dispatchEvent(new CustomEvent(type, { detail })); }
}

const HANDLERS = {
  "input_audio_buffer.speech_started": (session) => session._stopPlayback(),
  "input_audio_buffer.speech_stopped": (session) => { session.turnEnded = performance.now(); },
  "response.created": (session) => { session.responding = true; },
  "response.done": (session) => { session.responding = false; },
  "response.output_audio.delta": (session, event) => { session._answered(); session._play(event); },
  "output_audio_buffer.started": (session) => session._answered(),
  "response.output_text.delta": answer,
  "response.output_audio_transcript.delta": answer,
  "response.output_text.done": (session, { item_id, text }) => finished(session, item_id, text),
  "response.output_audio_transcript.done": (session, { item_id, transcript }) => finished(session, item_id, transcript),
  "conversation.item.input_audio_transcription.delta": (session, { item_id, delta }) =>
    session._caption(item_id, "user", delta, { append: true }),
  "conversation.item.input_audio_transcription.completed": (session, { item_id, transcript }) =>
    session._caption(item_id, "user", transcript, { final: true }),
  "conversation.item.added": (session, { item }) => {
    const text = item.content?.find((part) => part.type === "input_text")?.text;
    if (item.role === "user" && text) session._caption(item.id, "user", text, { final: true });
  },
  "response.output_item.done": (session, { item }) => {
    if (item.type === "function_call") session._dispatch("tool", item);
  },
  error: (session, { error }) => session._fail(error.message),
};

function answer(session, { type, item_id, delta }) {
  if (type === "response.output_text.delta") session._answered();
  session._caption(item_id, "assistant", delta, { append: true });
}

function finished(session, id, text) { session._caption(id, "assistant", text, { final: true }); }

function level(analyser) {
  if (!analyser) return 0;
  const samples = new Float32Array(analyser.fftSize);
  analyser.getFloatTimeDomainData(samples);
  return Math.min(1, Math.sqrt(samples.reduce((sum, sample) => sum + sample * sample, 0) / samples.length) * 4);
}

function toBase64(samples) {
  const bytes = new Uint8Array(Int16Array.from(samples, (sample) => Math.max(-1, Math.min(1, sample)) * 32767).buffer);
  return btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join(""));
}

function fromBase64(text) {
  const bytes = Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
  return Float32Array.from(new Int16Array(bytes.buffer), (sample) => sample / 32768);
}
