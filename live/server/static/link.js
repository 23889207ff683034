// The socket: at most two frames in flight, so that the newest never waits in a queue.

const MOST_ON_THE_WAY = 2;

export class Link {
  constructor({ onFrame, onPicture, onRecording, onError, onState }) {
    this.on = { onFrame, onPicture, onRecording, onError, onState };
    this.commands = {};
    this.connect();
  }

  connect() {
    const scheme = location.protocol === "https:" ? "wss" : "ws";
    this.sent = this.answered = 0;
    this.times = new Map();
    this.socket = new WebSocket(`${scheme}://${location.host}/ws`);
    this.socket.binaryType = "blob";
    this.socket.onopen = () => {
      this.on.onState("open");
      for (const [name, value] of Object.entries(this.commands)) this.socket.send(JSON.stringify({ [name]: value }));
    };
    this.socket.onmessage = (event) => this.receive(event.data);
    this.socket.onclose = (event) => {
      this.on.onState("closed", event.reason);
      setTimeout(() => this.connect(), 1000);
    };
  }

  receive(data) {
    if (data instanceof Blob) {
      this.on.onPicture(data);
      return;
    }
    const message = JSON.parse(data);
    if (message.frame !== undefined && this.times.has(message.frame)) {
      this.answered = Math.max(this.answered, message.frame);
      message.latency = performance.now() - this.times.get(message.frame);
      for (const frame of this.times.keys()) if (frame <= message.frame) this.times.delete(frame);
    }
    if (message.kind === "frame") this.on.onFrame(message);
    else if (message.kind === "recording") this.on.onRecording(message);
    else this.on.onError(message.error, message.frame);
  }

  get open() {
    return this.socket.readyState === WebSocket.OPEN;
  }

  get ready() {
    return this.open && this.sent - this.answered < MOST_ON_THE_WAY;
  }

  send(blob) {
    this.sent += 1;
    this.times.set(this.sent, performance.now());
    this.socket.send(blob);
    return this.sent;
  }

  say(name, value) {
    if (name === "source") {
      this.answered = this.sent; // what is on the way may be replaced, and is wanted no more
      this.times.clear();
    }
    if (name !== "record") this.commands[name] = value; // sent again after a lost connection
    if (this.open) this.socket.send(JSON.stringify({ [name]: value }));
  }
}
