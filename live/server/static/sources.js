// Sources of frames: the camera of this device, or a clip or picture on it.

const WIDEST = 640;

const REFUSED = {
  NotAllowedError: "Camera access was denied. Allow it in the address bar, then try again.",
  NotFoundError: "This device has no camera. Choose a clip or picture instead.",
  NotReadableError: "Another program is using the camera. Close it, then try again.",
};

export class SourceError extends Error {}

function fitted(width, height) {
  const shrink = Math.min(1, WIDEST / Math.max(width, height));
  return [width, height].map((side) => side && Math.max(1, Math.round(side * shrink)));
}

export class Source {
  constructor() {
    this.video = document.createElement("video");
    this.video.muted = this.video.playsInline = this.video.loop = true;
    this.canvas = document.createElement("canvas");
    this.context = this.canvas.getContext("2d", { willReadFrequently: true });
    this.still = null;
    this.lastTime = -1;
    this.turn = 0; // a request from before the last close() is no longer wanted
    this.onLost = () => {}; // the camera ended by itself
  }

  // Both open functions return whether the source is still wanted.
  async openCamera() {
    this.close();
    const mine = this.turn;
    if (!navigator.mediaDevices?.getUserMedia) {
      throw new SourceError("Browsers allow the camera on https pages or on this machine only. Open http://127.0.0.1, or choose a clip or picture.");
    }
    try {
      const stream = await navigator.mediaDevices.getUserMedia({
        video: { width: { ideal: 640 }, height: { ideal: 480 }, facingMode: "user", frameRate: { ideal: 30 } },
      });
      if (mine !== this.turn) {
        for (const track of stream.getTracks()) track.stop();
        return false;
      }
      for (const track of stream.getTracks()) track.onended = () => mine === this.turn && this.onLost();
      this.video.srcObject = stream;
      await this.video.play();
    } catch (error) {
      if (mine !== this.turn) return false;
      throw new SourceError(REFUSED[error.name] ?? `The camera does not respond (${error.name}).`);
    }
    return mine === this.turn;
  }

  async openFile(file) {
    this.close();
    const mine = this.turn;
    const picture = file.type.startsWith("image/");
    try {
      if (picture) {
        const still = await createImageBitmap(file);
        if (mine === this.turn) this.still = still;
      } else {
        this.video.src = URL.createObjectURL(file);
        await this.video.play();
      }
    } catch {
      if (mine !== this.turn) return false;
      throw new SourceError(`${file.name} is not a ${picture ? "picture this browser can show" : "clip this browser can play"}.`);
    }
    return mine === this.turn;
  }

  close() {
    this.turn += 1;
    for (const track of this.video.srcObject?.getTracks() ?? []) track.stop();
    if (this.video.src) URL.revokeObjectURL(this.video.src);
    this.video.srcObject = null;
    this.video.removeAttribute("src");
    this.still = null;
    this.lastTime = -1;
  }

  // A new frame as a canvas, or null if there is none since the last call.
  grab() {
    const picture = this.still ?? this.video;
    if (!this.still) {
      if (this.video.readyState < 2 || this.video.currentTime === this.lastTime) return null;
      this.lastTime = this.video.currentTime;
    }
    const [width, height] = fitted(this.still?.width ?? this.video.videoWidth, this.still?.height ?? this.video.videoHeight);
    if (!width) return null;
    if (this.canvas.width !== width || this.canvas.height !== height) {
      this.canvas.width = width;
      this.canvas.height = height;
    }
    this.context.drawImage(picture, 0, 0, width, height);
    return this.canvas;
  }
}

export function jpeg(canvas) {
  return new Promise((resolve) => canvas.toBlob(resolve, "image/jpeg", 0.85));
}
