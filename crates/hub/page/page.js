// Keeps parts of the page fresh, sends forms without leaving it, and moves files.
//
// A part names in `data-live` where its present form is had, and in `data-every` how often to look
// (milliseconds). The server makes all HTML; nothing here builds any from data.
'use strict';

(() => {
  const connection = document.getElementById('connection');
  const shown = new WeakMap();
  const troubles = new Map();
  let working = 0;

  /** Says what is wrong with something, or that nothing is any more. */
  function trouble(of, words) {
    if (words) troubles.set(of, words);
    else troubles.delete(of);
    // Where nothing is answered, nothing else works either.
    const [first = ''] = troubles.values();
    const text = troubles.get('answers') ?? first;
    if (connection.textContent !== text) connection.textContent = text;
  }

  /** Asks the hub. */
  async function ask(place, options) {
    let answer;
    try {
      answer = await fetch(place, { redirect: 'manual', ...options });
    } catch (error) {
      trouble('answers', 'The hub does not answer. Trying again …');
      throw error;
    }
    if (answer.type === 'opaqueredirect' || answer.status === 401) throw loggedOut();
    trouble('answers', null);
    return answer;
  }

  /** Goes to the login, unless what somebody has written, or does, would be lost by it. */
  function loggedOut() {
    const error = new Error('You are logged out. Log in in another window, and go on here.');
    const fields = document.querySelectorAll('main form :is(textarea, input:not([type="hidden"]))');
    const written = [...fields].some((field) => field.value !== field.defaultValue);
    if (working > 0 || written) trouble('answers', error.message);
    else location.reload();
    return error;
  }
  document.addEventListener('loggedout', loggedOut);

  /** What finds an element, or one that leads to the same place, after the HTML around it was made anew. */
  function trace(element) {
    if (element.id) return `#${CSS.escape(element.id)}`;
    const href = element.getAttribute('href');
    if (href) return `[href="${CSS.escape(href)}"]`;
    const entry = element.closest('[data-name]');
    if (!entry || !element.dataset.do) return null;
    return `[data-name="${CSS.escape(entry.dataset.name)}"] [data-do="${element.dataset.do}"]`;
  }

  function isSelected(part) {
    const selection = getSelection();
    return !selection.isCollapsed && selection.containsNode(part, true);
  }

  function keys(within) {
    return [...within.querySelectorAll('input[name="key"]')];
  }

  /** Replaces a part by what is new in it; returns whether that is shown. */
  function show(part, html) {
    const fresh = document.createElement('template');
    fresh.innerHTML = html;
    // Each time the keys of forms are others, which is no change of what is shown.
    const renewed = keys(fresh.content).map(({ value }) => value);
    for (const key of keys(fresh.content)) key.value = '';
    const bare = fresh.innerHTML;
    if (shown.get(part) !== bare) {
      // What somebody is just copying or pressing stays.
      if (isSelected(part) || part.matches(':active')) return false;
      shown.set(part, bare);
      const focus = part.contains(document.activeElement) && part !== document.activeElement
        ? trace(document.activeElement) : null;
      part.replaceChildren(fresh.content);
      if (focus) part.querySelector(focus)?.focus({ preventScroll: true });
    }
    keys(part).forEach((key, at) => { key.value = renewed[at]; });
    return true;
  }

  async function refresh(part) {
    const answer = await ask(part.dataset.live);
    return show(part, await answer.text());
  }

  async function keepFresh(part) {
    while (part.isConnected && !part.querySelector(':scope > [data-settled]')) {
      try {
        if (!document.hidden) await refresh(part);
      } catch {
        // It was said above.
      }
      await new Promise((resolve) => {
        part.wake = resolve;
        setTimeout(resolve, Number(part.dataset.every));
      });
    }
  }

  /**
   * Hears of changes while the page is seen: a browser has few connections for all pages of a site,
   * and those that nobody sees take none. What changed meanwhile is asked for when it opens again.
   */
  function hear(place, again, opened) {
    let changes = null;
    const open = () => {
      const source = new EventSource(place);
      source.onopen = () => {
        trouble(place, null);
        opened();
      };
      source.onerror = () => {
        trouble(place, 'Changes are not told to this page at present. Trying again …');
        // After a break it connects again by itself, but not after a refusal, as of a machine that
        // is away.
        if (source.readyState !== EventSource.CLOSED) return;
        changes = null;
        setTimeout(listen, 5000);
        again();
      };
      source.addEventListener('change', again);
      return source;
    };
    function listen() {
      if (!document.hidden) {
        changes ??= open();
        return;
      }
      changes?.close();
      changes = null;
      trouble(place, null);
    }
    document.addEventListener('visibilitychange', listen);
    listen();
  }

  /** Looks again whenever the hub says that something changed; a part has one next look at most. */
  function follow(part) {
    let later = null;
    const again = async () => {
      clearTimeout(later);
      later = null;
      // When the page is seen again, it is asked for all the same.
      if (document.hidden) return;
      try {
        if (!await refresh(part)) later ??= setTimeout(again, 1000);
      } catch {
        // It was said above.
      }
    };
    hear(part.dataset.on, again, again);
  }

  function begin(within) {
    for (const part of within.querySelectorAll('[data-live]')) {
      if (part.dataset.on) follow(part);
      else keepFresh(part);
    }
  }

  function wake() {
    for (const part of document.querySelectorAll('[data-live]')) part.wake?.();
  }

  function randomId() {
    const bytes = crypto.getRandomValues(new Uint8Array(16));
    bytes[6] = (bytes[6] & 0x0f) | 0x40;
    bytes[8] = (bytes[8] & 0x3f) | 0x80;
    const hex = Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
    return hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
  }

  // The texts that were sent by each form, and whose answer may be lost, with their ids.
  const unanswered = new WeakMap();

  /** The id of a message: one that is sent again is the same; with another text it is another one. */
  function idOf(form) {
    const text = form.elements.body.value;
    const ids = unanswered.get(form) ?? new Map();
    unanswered.set(form, ids);
    if (!ids.has(text)) ids.set(text, ids.size === 0 ? form.elements.id.value : randomId());
    return ids.get(text);
  }

  /** Sends a form; what comes back goes in front of the list that `data-into` names. */
  async function send(form) {
    const button = form.querySelector('button');
    const list = document.getElementById(form.dataset.into);
    button.disabled = true;
    form.elements.id.value = idOf(form);
    try {
      const body = new URLSearchParams(new FormData(form));
      const answer = await ask(form.action, { method: 'POST', body });
      const html = await answer.text();
      form.querySelector('.fault')?.remove();
      if (!answer.ok) {
        form.insertAdjacentHTML('beforeend', html);
        return;
      }
      list.insertAdjacentHTML('afterbegin', html);
      begin(list.firstElementChild);
      form.reset();
      unanswered.delete(form);
      form.elements.id.value = randomId();
      wake();
    } finally {
      button.disabled = false;
    }
  }

  for (const form of document.querySelectorAll('form[data-into]')) {
    form.addEventListener('submit', (event) => {
      event.preventDefault();
      send(form).catch(() => {});
    });
    form.addEventListener('keydown', (event) => {
      if (event.key === 'Enter' && (event.ctrlKey || event.metaKey)) {
        event.preventDefault();
        form.requestSubmit();
      }
    });
  }

  // --- files

  const tools = document.getElementById('tools');
  const work = document.getElementById('work');

  async function invoke(op, params) {
    const body = JSON.stringify({ op, params });
    const answer = await ask('/v1/invoke', { method: 'POST', body });
    return told(await answer.json());
  }

  function told(answer) {
    if (answer.ok) return answer.value;
    const fault = new Error(answer.error.message);
    fault.code = answer.error.code;
    throw fault;
  }

  function below(name) {
    const { path } = tools.dataset;
    return path ? `${path}/${name}` : name;
  }

  function address(name) {
    const parts = [tools.dataset.mount, ...below(name).split('/')];
    return `/v1/files/${parts.map(encodeURIComponent).join('/')}`;
  }

  async function put(file, replace) {
    const headers = replace ? {} : { 'If-None-Match': '*' };
    const answer = await ask(address(file.name), { method: 'PUT', body: file, headers });
    return told(await answer.json());
  }

  async function putNew(file) {
    try {
      await put(file, false);
    } catch (error) {
      if (error.code !== 'fs.exists') throw error;
      if (!confirm(`Replace ${file.name}?`)) throw new Error('stays as it is');
      await put(file, true);
    }
  }

  /** Uploads all that can be; says in the end what was not. */
  async function upload(files) {
    const left = [];
    for (const file of files) {
      work.textContent = `Uploading ${file.name} …`;
      await putNew(file).catch((error) => left.push(`${file.name} (${error.message})`));
    }
    if (left.length > 0) throw new Error(`Not uploaded: ${left.join('; ')}.`);
  }

  /** Does something, says when it fails, and shows the directory as it is then. */
  async function change(doing) {
    working += 1;
    try {
      await doing();
      work.textContent = '';
    } catch (error) {
      work.textContent = error.message;
    }
    // Of what failed, a part may be done.
    await refresh(document.getElementById('entries')).catch(() => {});
    working -= 1;
  }

  async function changeEntry(button) {
    const { name } = button.closest('[data-name]').dataset;
    const place = { mount: tools.dataset.mount };
    if (button.dataset.do === 'rename') {
      const to = prompt(`New name of ${name}`, name);
      if (to && to !== name) {
        await change(() => invoke('fs.rename', { place, from: below(name), to: below(to) }));
      }
    } else if (confirm(`Remove ${name}?`)) {
      await change(() => invoke('fs.remove', { place, path: below(name) }));
    }
  }

  if (tools) {
    tools.hidden = false;
    document.body.classList.add('scripts');
    const choice = document.getElementById('upload');
    choice.addEventListener('change', async () => {
      await change(() => upload(choice.files));
      // The same file again is a choice, too.
      choice.value = '';
    });
    document.getElementById('mkdir').addEventListener('click', () => {
      const name = prompt('Name of the new directory');
      const place = { mount: tools.dataset.mount };
      if (name) change(() => invoke('fs.mkdir', { place, path: below(name) }));
    });
    document.getElementById('entries').addEventListener('click', (event) => {
      const button = event.target.closest('[data-do]');
      if (button) changeEntry(button);
    });
  }

  begin(document);
  document.addEventListener('visibilitychange', wake);
  // What is watched hears of its own changes, and may be seen without the right to hear of these.
  if (document.querySelector('[data-every]')) hear('/v1/events', wake, () => {});
})();
