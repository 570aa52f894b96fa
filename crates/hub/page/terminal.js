// Shows the terminal of an agent: the frames of its pod over a WebSocket, drawn by xterm.js.
//
// It begins as a viewer, whose keys go nowhere. Control is asked for, and given back, by the button.
// After a break it goes on at the byte where it was; a reset replaces all that was shown.
'use strict';

(() => {
  const place = document.getElementById('terminal');
  const status = document.getElementById('terminal-state');
  const control = document.getElementById('control');
  const fit = document.getElementById('fit');

  // The policy of this page lets scripts change styles by the object model alone. xterm.js writes
  // style elements, which get the nonce of this page, and style attributes, which become changes.
  const nonce = document.querySelector('link[nonce]').nonce;
  const create = document.createElement.bind(document);
  document.createElement = (name, options) => {
    const element = create(name, options);
    if (name === 'style') element.nonce = nonce;
    return element;
  };
  const setAttribute = HTMLSpanElement.prototype.setAttribute;
  HTMLSpanElement.prototype.setAttribute = function setStyle(name, value) {
    if (name === 'style') this.style.cssText = value;
    else setAttribute.call(this, name, value);
  };

  const HEADER = 16;
  const MAX_INPUT = 32 * 1024;
  // Well before the pod would stop sending.
  const ACK_EVERY = 32n * 1024n;
  const OUTPUT = 0x01, RESET = 0x02, GEOMETRY = 0x03, CONTROLLER = 0x04, EXIT = 0x05;
  const NOT_CONTROLLER = 0x07, ERROR = 0x08;
  const INPUT = 0x81, RESIZE = 0x82, ACK = 0x83;
  const FONT = 'ui-monospace, "DejaVu Sans Mono", Menlo, Consolas, monospace';

  const dark = matchMedia('(prefers-color-scheme: dark)');
  const terminal = new Terminal({
    cursorBlink: false,
    disableStdin: true,
    fontFamily: FONT,
    minimumContrastRatio: 4.5,
    scrollback: 5000,
    theme: theme(),
  });
  terminal.open(place);
  terminal.textarea.setAttribute('aria-label', 'Terminal');
  dark.addEventListener('change', () => { terminal.options.theme = theme(); });

  let socket = null;
  // What of which pod is shown: nothing until it is known.
  let position = null;
  let pod = null;
  let acknowledged = 0n;
  let inReset = false;
  let inControl = false;
  let wantsControl = false;
  // Whether somebody asked to type, and waits for it.
  let wantsFocus = false;
  let pause = 0;
  const decoder = new TextDecoder();
  const encoder = new TextEncoder();

  function theme() {
    return dark.matches
      ? { background: '#14181b', foreground: '#dfe5e8', cursor: '#dfe5e8', selectionBackground: '#3b5a6e' }
      : { background: '#ffffff', foreground: '#1d2326', cursor: '#1d2326', selectionBackground: '#b9d7e8' };
  }

  function say(words) {
    const text = words.replaceAll('`', '');
    if (status.textContent !== text) status.textContent = text;
  }

  // --- size: the terminal has the size that its controller gave it; the letters fit the window

  function letterWidth() {
    const context = create('canvas').getContext('2d');
    context.font = `100px ${FONT}`;
    return context.measureText('mmmmmmmmmm').width / 1000;
  }
  const width = letterWidth();

  function fitLetters() {
    const room = place.parentElement.clientWidth - 20;
    const size = Math.floor((room / (terminal.cols * width)) * 4) / 4;
    terminal.options.fontSize = Math.min(15, Math.max(6, size));
  }
  new ResizeObserver(fitLetters).observe(place.parentElement);

  function resize(columns, rows) {
    terminal.resize(columns, rows);
    fitLetters();
  }

  // --- frames

  function frame(kind, payload, offset = 0n) {
    const bytes = new Uint8Array(HEADER + payload.length);
    const view = new DataView(bytes.buffer);
    view.setUint8(0, kind);
    view.setUint32(4, payload.length);
    view.setBigUint64(8, offset);
    bytes.set(payload, HEADER);
    return bytes;
  }

  function transmit(kind, payload = new Uint8Array(0), offset = 0n) {
    if (socket?.readyState === WebSocket.OPEN) socket.send(frame(kind, payload, offset));
  }

  /** Draws bytes in order; only what is drawn is acknowledged, which is the credit for more. */
  function draw(bytes, from, offset) {
    terminal.write(bytes, () => {
      if (socket !== from || offset - acknowledged < ACK_EVERY) return;
      acknowledged = offset;
      transmit(ACK, undefined, offset);
    });
  }

  function receive(buffer, from) {
    const view = new DataView(buffer);
    const kind = view.getUint8(0);
    const more = (view.getUint8(1) & 1) === 1;
    const offset = view.getBigUint64(8);
    const payload = new Uint8Array(buffer, HEADER);
    const fields = new DataView(buffer, HEADER);
    const text = (start) => decoder.decode(payload.subarray(start));
    switch (kind) {
      case OUTPUT:
        if (offset !== position.offset) return lost(from);
        position.offset += BigInt(payload.length);
        return draw(payload, from, position.offset);
      case RESET: {
        const first = !inReset;
        inReset = more;
        if (first) {
          const [columns, rows] = [fields.getUint16(16), fields.getUint16(18)];
          position = { generation: fields.getBigUint64(0), run: fields.getBigUint64(8), offset };
          acknowledged = offset;
          // In the order of the bytes: all that is shown goes, then the size changes.
          terminal.write('\x1bc', () => resize(columns, rows));
        }
        return draw(first ? payload.subarray(20) : payload, from, offset);
      }
      case GEOMETRY: {
        const [columns, rows] = [fields.getUint16(0), fields.getUint16(2)];
        return terminal.write('', () => resize(columns, rows));
      }
      case CONTROLLER: {
        const mine = fields.getUint8(4) !== 0;
        // What another has taken is not taken back by itself after a break.
        wantsControl &&= mine;
        return controlled(mine, text(5));
      }
      case NOT_CONTROLLER:
        wantsControl = false;
        return controlled(false, '');
      case EXIT:
        return say(`The agent ended: ${text(8)}`);
      case ERROR:
        return say(text(0));
      default:
        // A frame of a newer hub.
        return undefined;
    }
  }

  /** A gap would show what never was: begin with a repaint. */
  function lost(from) {
    position = null;
    from.close();
  }

  // --- control

  function controlled(mine, name) {
    inControl = mine;
    terminal.options.disableStdin = !mine;
    terminal.options.cursorBlink = mine;
    place.classList.toggle('controlled', mine);
    if (control) {
      control.disabled = false;
      control.setAttribute('aria-pressed', String(mine));
      control.textContent = mine ? 'Give control back' : 'Take control';
      fit.hidden = !mine;
    }
    if (mine) {
      say('You have control. Shift+Escape leaves the terminal.');
      takeFocus();
    } else {
      say(name ? `You are looking; ${name} has control.` : 'You are looking; nobody has control.');
    }
  }

  /** Control that comes back after a break takes no focus, nor does one that is waited for elsewhere. */
  function takeFocus() {
    const here = [control, document.body].includes(document.activeElement);
    if (wantsFocus && here) terminal.focus();
    wantsFocus = false;
  }

  function type(bytes) {
    if (!inControl) return;
    if (socket?.readyState !== WebSocket.OPEN) {
      say('Not connected: that was not sent.');
      return;
    }
    for (let at = 0; at < bytes.length; at += MAX_INPUT) {
      transmit(INPUT, bytes.subarray(at, at + MAX_INPUT));
    }
  }
  terminal.onData((text) => type(encoder.encode(text)));
  terminal.onBinary((text) => type(Uint8Array.from(text, (letter) => letter.charCodeAt(0))));

  // Whoever only looks goes on by Tab as everywhere; whoever types leaves by Shift+Escape.
  terminal.attachCustomKeyEventHandler((event) => {
    if (!inControl) return event.shiftKey && event.key.startsWith('Page');
    if (event.key === 'Escape' && event.shiftKey) {
      if (event.type === 'keydown') control.focus();
      event.preventDefault();
      return false;
    }
    return true;
  });

  control?.addEventListener('click', () => {
    wantsControl = !inControl;
    wantsFocus = wantsControl;
    connect(false);
  });

  fit?.addEventListener('click', () => {
    const size = 13;
    const columns = Math.max(20, Math.floor((place.parentElement.clientWidth - 20) / (size * width)));
    const rows = Math.max(6, Math.floor((innerHeight * 0.7) / (size * 1.25)));
    const payload = new Uint8Array(4);
    new DataView(payload.buffer).setUint16(0, columns);
    new DataView(payload.buffer).setUint16(2, rows);
    transmit(RESIZE, payload);
    terminal.focus();
  });

  // --- connection

  function connect(take) {
    const before = socket;
    socket = null;
    before?.close();
    // Half a repaint is no place to go on from.
    if (inReset) position = null;
    inReset = false;
    const query = new URLSearchParams({
      role: wantsControl ? 'controller' : 'viewer', take, refusal: 'message',
    });
    if (place.dataset.fleet) query.set('fleet', place.dataset.fleet);
    if (position) {
      if (pod) query.set('pod', pod);
      for (const [name, value] of Object.entries(position)) query.set(name, value);
    }
    const protocol = location.protocol === 'https:' ? 'wss:' : 'ws:';
    const session = encodeURIComponent(place.dataset.session);
    const opened = new WebSocket(
      `${protocol}//${location.host}/v1/pty/${session}?${query}`, 'fleet.attach.v1');
    opened.binaryType = 'arraybuffer';
    socket = opened;
    opened.onmessage = ({ data }) => {
      if (socket !== opened) return;
      if (typeof data !== 'string') receive(data, opened);
      else begun(JSON.parse(data));
    };
    opened.onclose = () => {
      if (socket === opened) again();
    };
  }

  function begun(result) {
    if (result.error) return refused(result.error);
    pause = 0;
    place.dataset.connected = 'yes';
    pod = result.pod ?? null;
    if (!position) {
      const { generation, run, offset } = result.position;
      position = { generation: BigInt(generation), run: BigInt(run), offset: BigInt(offset) };
    }
    acknowledged = position.offset;
    return controlled(result.in_control, result.controller ?? '');
  }

  function refused(error) {
    socket = null;
    const forControl = wantsControl;
    wantsControl = false;
    if (error.code === 'agent.gone' && position) {
      // Another agent has the name: it is shown from its beginning, and control is asked for anew.
      position = null;
      wantsFocus = false;
      return connect(false);
    }
    if (forControl && error.code.startsWith('agent.refused')) {
      const taken = confirm(`${error.message}.\nTake it all the same?`);
      wantsControl = taken;
      wantsFocus = taken;
      return connect(taken);
    }
    wantsFocus = false;
    place.dataset.connected = 'no';
    say(error.hint ? `${error.message} (${error.hint})` : error.message);
    if (error.code === 'auth.required') document.dispatchEvent(new Event('loggedout'));
    // What a person has to mend is looked at again, slowly.
    if (error.code !== 'auth.denied') setTimeout(() => { if (!socket) connect(false); }, 5000);
    return undefined;
  }

  /** Goes on after a break, as what it was. Keys until then are refused, not kept. */
  function again() {
    socket = null;
    place.dataset.connected = 'no';
    pause = Math.min(10000, pause === 0 ? 250 : pause * 2);
    say('The connection is lost. Trying again …');
    setTimeout(() => { if (!socket) connect(false); }, pause * (0.75 + Math.random() / 2));
  }

  connect(false);
})();
