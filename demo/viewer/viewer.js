// Draws packed frames (viewer.py): every change of a layer, of the opacity, the class filter, contours, the wipe, the
// threshold or the zoom is answered here; a click alone asks the server, for class probabilities.
//
// A layer is codes (uint16, one a pixel) and a table of 257 entries: picture = background * weight + added.
const PLAIN = 256;  // code of a pixel that shows the background as it is
const DIMMED = 0.65;  // opacity of the black over classes that the filter leaves out
const MOST_ZOOM = 16;
const DRAG_PX = 5;
const PHONE = matchMedia('(max-width: 640px)');
const TYPED = 'input, textarea, select, [contenteditable], [role=slider], [role=tab], [role=radio], [role=listbox]';
const NONE = 'no class';
const escaped = (text) => String(text).replace(/[&<>"']/g, (c) => `&#${c.charCodeAt(0)};`);
const rgbOf = (colour) => [1, 3, 5].map((k) => parseInt(colour.slice(k, k + 2), 16));
const bytesOf = (hex) => Uint8Array.from(hex.match(/../g), (pair) => parseInt(pair, 16));
const clamp = (value, low, high) => Math.min(Math.max(value, low), high);
const percent = (value) => (value == null ? 'n/a' : `${value.toFixed(1)} %`);
const DEPTH = bytesOf(TABLES.depth), VALUES = bytesOf(TABLES.values);
const swatch = (colour) => `<i class="swatch" style="background:${colour}"></i>`;
const gradient = (table) => `linear-gradient(90deg,${[0, 32, 64, 96, 128, 160, 192, 224, 255].map(
    (k) => `rgb(${table.slice(3 * k, 3 * k + 3).join()})`).join()})`;

const decoded = new Map();  // address -> promise of ImageData; those of the latest frames
function decode(path) {
    if (!decoded.has(path)) {
        if (decoded.size > 40) decoded.delete(decoded.keys().next().value);
        const read = async () => {
            const answer = await fetch(`${window.gradio_config?.root ?? ''}/gradio_api/file=${encodeURI(path)}`);
            if (!answer.ok) throw new Error(`plane: ${answer.status}`);
            const bitmap = await createImageBitmap(await answer.blob(),
                { colorSpaceConversion: 'none', premultiplyAlpha: 'none' });
            const canvas = Object.assign(document.createElement('canvas'),
                { width: bitmap.width, height: bitmap.height });
            const context = canvas.getContext('2d', { willReadFrequently: true });
            context.drawImage(bitmap, 0, 0);
            return context.getImageData(0, 0, bitmap.width, bitmap.height);
        };
        decoded.set(path, read().catch((error) => { decoded.delete(path); throw error; }));
    }
    return decoded.get(path);
}

// The planes of a frame, and what follows from them; each is worked out once.
class Frame {
    constructor(value, images) {
        this.value = value;
        [this.height, this.width] = value.size;
        this.length = this.height * this.width;
        this.pixels = new Uint32Array(images.rgb.data.buffer);  // 0xAABBGGRR
        this.planes = {};
        for (const [name, image] of Object.entries(images)) {
            if (name === 'rgb') continue;
            const plane = new Uint8Array(image.data.length / 4);
            for (let i = 0; i < plane.length; i++) plane[i] = image.data[4 * i];
            this.planes[name] = plane;
        }
        this.kept = new Map();
        if (this.planes.depth) {
            this.mm = new Uint16Array(this.length);
            for (let i = 0; i < this.length; i++)
                this.mm[i] = 256 * this.planes.depth[i] + this.planes.depth[i + this.length];
        }
    }

    once(key, make) {
        if (!this.kept.has(key)) this.kept.set(key, make());
        return this.kept.get(key);
    }

    get grey() {
        return this.once('grey', () => this.pixels.map((one) => {
            const grey = 0.299 * (one & 255) + 0.587 * (one >>> 8 & 255) + 0.114 * (one >>> 16 & 255);
            return 0x010101 * Math.trunc(grey) | 0xff000000;
        }));
    }

    depthCodes() {
        return this.once('depth', () => {
            const near = Math.fround(this.value.range[0]);
            const span = Math.fround(Math.max(this.value.range[1] - this.value.range[0], 1e-6));
            const codes = new Uint16Array(this.length);
            for (let i = 0; i < this.length; i++) {
                const share = Math.fround(Math.fround(Math.fround(this.mm[i] / 1000) - near) / span);
                codes[i] = this.mm[i] ? Math.fround(clamp(share, 0, 1) * 255) : PLAIN;
            }
            return codes;
        });
    }

    // Pixels within two of another class.
    borders(name) {
        return this.once(`borders ${name}`, () => {
            const { width: w, height: h } = this, plane = this.planes[name], found = new Uint8Array(this.length);
            for (const step of [1, 2]) for (const by of [step, step * w]) {
                for (let i = 0; i + by < this.length; i++) {
                    if (by < w && i % w + by >= w) continue;
                    if (plane[i] !== plane[i + by]) found[i] = found[i + by] = 1;
                }
            }
            return found;
        });
    }

    // Pixels of the ground truth near another class of it; void is no class.
    boundary() {
        return this.once('boundary', () => {
            const { width: w, height: h } = this, reach = 2 * this.value.boundary + 1;
            const high = new Uint8Array(this.planes.truth), low = high.map((label) => label || 255);
            // Highest and lowest label within reach, by lines; windows grow by doubling.
            for (const [step, count, lines] of [[1, w, h], [w, h, w]]) {
                const most = new Uint8Array(count + reach), least = new Uint8Array(count + reach);
                for (let line = 0; line < lines; line++) {
                    const start = step === 1 ? line * w : line, edge = this.value.boundary;
                    most.fill(0);
                    least.fill(255);
                    for (let k = 0, i = start; k < count; k++, i += step) {
                        most[k + edge] = high[i];
                        least[k + edge] = low[i];
                    }
                    for (let size = 1; size < reach; size *= 2) {
                        const by = Math.min(size, reach - size);
                        for (let k = 0; k + by < most.length; k++) {
                            if (most[k + by] > most[k]) most[k] = most[k + by];
                            if (least[k + by] < least[k]) least[k] = least[k + by];
                        }
                    }
                    for (let k = 0, i = start; k < count; k++, i += step) {
                        high[i] = most[k];
                        low[i] = least[k];
                    }
                }
            }
            return high.map((most, i) => (this.planes.truth[i] && most !== low[i] ? 1 : 0));
        });
    }

    outcomes(filter) {
        const { truth, prediction } = this.planes, codes = new Uint16Array(this.length);
        if (!filter) {
            const near = this.boundary();
            for (let i = 0; i < this.length; i++)
                if (truth[i]) codes[i] = truth[i] === prediction[i] ? 1 : near[i] ? 2 : 3;
            return codes;
        }
        const chosen = new Uint8Array(256);
        for (const label of filter) chosen[label] = 1;
        for (let i = 0; i < this.length; i++) {
            const here = truth[i], said = prediction[i];
            if (chosen[said] && here) codes[i] = here === said ? 1 : 2;
            else if (chosen[here]) codes[i] = 3;
        }
        return codes;
    }

    differences({ a, b }) {
        const [first, second, truth] = [this.planes[a], this.planes[b], this.planes.truth];
        const codes = new Uint16Array(this.length);
        for (let i = 0; i < this.length; i++) {
            if (!truth) codes[i] = first[i] !== second[i];
            else if (truth[i]) {
                const one = first[i] === truth[i], other = second[i] === truth[i];
                codes[i] = one && other ? 0 : one ? 1 : other ? 2 : first[i] !== second[i] ? 3 : 4;
            }
        }
        return codes;
    }

    // Codes of a layer under a look; those that other settings than opacity made are kept.
    codes(layer, look) {
        const below = look.threshold && this.planes.confidence
            && (layer.id === 'prediction' || layer.id === 'errors');
        const filter = look.filter && [...look.filter].sort((a, b) => a - b);
        const key = JSON.stringify([layer.kind === 'errors' && filter, layer.kind === 'classes' && look.contours,
            below && look.threshold]);
        const earlier = this.kept.get(`codes ${layer.id}`);
        if (earlier?.key === key) return earlier.codes;
        let codes;
        if (layer.kind === 'depth') codes = this.depthCodes();
        else if (layer.kind === 'errors') codes = this.outcomes(filter);
        else if (layer.kind === 'difference') codes = this.differences(layer);
        else codes = new Uint16Array(this.planes[layer.id]);
        if (layer.kind === 'classes' && look.contours) {
            const borders = this.borders(layer.id);
            for (let i = 0; i < this.length; i++) if (!borders[i]) codes[i] = PLAIN;
        }
        if (below) {
            const sure = this.planes.confidence, least = stepOf(look.threshold);
            for (let i = 0; i < this.length; i++) if (sure[i] < least) codes[i] = PLAIN;
        }
        this.kept.set(`codes ${layer.id}`, { key, codes });
        return codes;
    }

    // Share of the labelled pixels (of all, without ground truth) at or above a confidence, and their accuracy.
    kept_above(threshold) {
        const counts = this.once('confident', () => {
            const { truth, prediction, confidence } = this.planes;
            const all = new Float64Array(257), right = new Float64Array(257);
            for (let i = 0; i < this.length; i++) {
                if (truth && !truth[i]) continue;
                all[confidence[i]]++;
                if (truth && truth[i] === prediction[i]) right[confidence[i]]++;
            }
            for (let k = 255; k >= 0; k--) { all[k] += all[k + 1]; right[k] += right[k + 1]; }
            return { all, right };
        });
        const least = stepOf(threshold), left = counts.all[least];
        return { coverage: left / Math.max(counts.all[0], 1),
                 accuracy: this.planes.truth && left ? counts.right[least] / left : null };
    }

    // Large regions of a plane of classes: label, and the point of each that lies farthest inside.
    regions(name) {
        return this.once(`regions ${name}`, () => {
            const { width: w, height: h } = this, plane = this.planes[name];
            const size = Math.max(4, Math.round(Math.max(w, h) / 110));
            const columns = Math.floor(w / size), rows = Math.floor(h / size), total = rows * columns;
            const cells = new Uint8Array(total), inside = new Uint16Array(total), seen = new Uint8Array(total);
            for (let k = 0; k < total; k++)
                cells[k] = plane[(Math.floor(k / columns) * size + (size >> 1)) * w + k % columns * size + (size >> 1)];
            const pass = (k, steps) => {
                const column = k % columns;
                let least = 1e4;
                for (const [dx, dy] of steps) {
                    const there = k + dy * columns + dx;
                    const outside = column + dx < 0 || column + dx >= columns || there < 0 || there >= total;
                    least = Math.min(least, outside || cells[there] !== cells[k] ? 0 : inside[there]);
                }
                return 1 + least;
            };
            for (let k = 0; k < total; k++) inside[k] = pass(k, [[-1, 0], [0, -1], [-1, -1], [1, -1]]);
            for (let k = total - 1; k >= 0; k--)
                inside[k] = Math.min(inside[k], pass(k, [[1, 0], [0, 1], [1, 1], [-1, 1]]));
            const found = [];
            for (let start = 0; start < total; start++) {
                if (seen[start] || !cells[start]) continue;
                const region = [start];
                seen[start] = 1;
                let best = start;
                for (let n = 0; n < region.length; n++) {
                    const k = region[n], column = k % columns;
                    if (inside[k] > inside[best]) best = k;
                    for (const [dx, there] of [[-1, k - 1], [1, k + 1], [0, k - columns], [0, k + columns]]) {
                        if (column + dx < 0 || column + dx >= columns || there < 0 || there >= total) continue;
                        if (!seen[there] && cells[there] === cells[k]) { seen[there] = 1; region.push(there); }
                    }
                }
                if (region.length >= 0.008 * total && inside[best] >= 2)
                    found.push({ label: cells[start], area: region.length * size * size,
                                 x: (best % columns + 0.5) * size, y: (Math.floor(best / columns) + 0.5) * size });
            }
            return found;
        });
    }
}

const stepOf = (ratio) => Math.ceil(ratio * 255);

// Weight of the background of each code, in 256ths, and what is added: green, and red and blue in one number.
function tableOf(layer, look, value) {
    const weight = new Int32Array(257).fill(256), green = new Int32Array(257).fill(128);
    const others = new Int32Array(257).fill(0x800080);
    const put = (code, [r, g, b], opacity) => {
        const own = Math.round(256 * opacity);
        weight[code] = 256 - own;
        green[code] = g * own + 128;
        others[code] = (b * own + 128) << 16 | (r * own + 128);
    };
    if (layer.kind === 'depth') {
        for (let k = 0; k < 256; k++) put(k, DEPTH.subarray(3 * k, 3 * k + 3), 1);
        put(PLAIN, TABLES.missing, 1);
    } else if (layer.kind === 'values') {
        for (let k = 0; k < 256; k++) put(k, VALUES.subarray(3 * k, 3 * k + 3), look.opacity);
    } else if (layer.kind === 'classes') {
        value.colours.forEach((colour, label) => {
            if (look.filter && !look.filter.has(label)) put(label, [0, 0, 0], look.contours ? 0 : DIMMED);
            else if (label) put(label, rgbOf(colour), look.opacity);
        });
    } else {
        Object.values(outcomesOf(layer, look))
            .forEach((colour, k) => put(k + 1, rgbOf(colour), layer.opacity ?? look.opacity));
    }
    return { weight, green, others };
}

function outcomesOf(layer, look) {
    return layer.outcomes ?? TABLES.outcomes[look.filter ? 'class' : 'errors'];
}

// Paint columns [from, to) of a layer into `out` (RGBA as uint32, of the picture's size divided by `step`).
function paint(frame, layer, look, out, from, to, step = 1) {
    const { width } = frame, across = Math.floor(width / step), down = Math.floor(frame.height / step);
    const pixels = ['rgb', 'classes', 'depth'].includes(layer.kind) ? frame.pixels : frame.grey;
    const codes = layer.kind === 'rgb' ? null : frame.codes(layer, look);
    const { weight, green, others } = codes ? tableOf(layer, look, frame.value) : {};
    for (let y = 0; y < down; y++) {
        for (let x = from, i = (y * width + from) * step, k = y * across + from; x < to; x++, i += step, k++) {
            const below = pixels[i];
            if (!codes) { out[k] = below; continue; }
            const code = codes[i], share = weight[code];
            out[k] = 0xff000000 | ((Math.imul(below & 0xff00ff, share) + others[code]) >>> 8) & 0xff00ff
                | (Math.imul(below >>> 8 & 0xff, share) + green[code]) & 0xff00;
        }
    }
}

const MARKUP = `
<div class="vw-bar">
  <div class="vw-layers vw-segments" role="radiogroup" aria-label="Layer"></div>
</div>
<p class="vw-warnings" hidden></p>
<div class="vw-stage" tabindex="0" role="group">
  <canvas width="4" height="3" role="img"></canvas>
  <svg class="vw-over" aria-hidden="true"></svg>
  <div class="vw-wipe" role="slider" tabindex="0" aria-label="Wipe" aria-valuemin="0" aria-valuemax="100" hidden></div>
  <p class="vw-status" role="status" hidden></p>
  <div class="vw-zoom">
    <button type="button" data-do="in" aria-label="Zoom in" title="Zoom in: +, double click, or Ctrl + wheel">+</button>
    <button type="button" data-do="out" aria-label="Zoom out" title="Zoom out: -">&minus;</button>
    <button type="button" data-do="whole" aria-label="Show the whole picture" title="Show the whole picture: 0">1:1</button>
    <button type="button" data-do="full" aria-label="Full screen" title="Full screen"><svg viewBox="0 0 16 16">
      <path d="M2 6V2h4M10 2h4v4M14 10v4h-4M6 14H2v-4"/></svg></button>
    <button type="button" data-do="save" aria-label="Download this picture" title="Download this picture"><svg viewBox="0 0 16 16">
      <path d="M8 2v8M4 7l4 4 4-4M3 14h10"/></svg></button>
  </div>
</div>
<p class="vw-key"></p>
<div class="vw-tools">
  <div class="vw-strip" role="group" aria-label="Views"></div>
  <div class="vw-options">
    <label class="vw-slide"><span>Opacity <output></output></span>
      <input type="range" class="vw-opacity" min="0" max="1" step="0.05"></label>
    <label class="vw-slide vw-only-confidence"><span>Confidence at least <output></output></span>
      <input type="range" class="vw-threshold" min="0" max="0.99" step="0.01"></label>
    <label class="vw-pick"><span>Wipe with</span><select class="vw-with"></select></label>
    <label class="vw-check"><input type="checkbox" class="vw-contours"> Contours</label>
    <label class="vw-check"><input type="checkbox" class="vw-names"> Names</label>
    <label class="vw-check vw-only-boxes"><input type="checkbox" class="vw-boxes"> 3D boxes</label>
    <p class="vw-left vw-only-confidence" role="status"></p>
  </div>
</div>
<div class="vw-side">
  <div class="vw-given">
    <label class="vw-network vw-pick"><span>Network</span><select></select></label>
    <div class="vw-modality vw-segments" role="radiogroup" aria-label="Modality that the network is given"></div>
  </div>
  <div class="vw-score"></div>
  <div class="vw-readout">
    <dl></dl><p class="vw-note vw-hint"></p>
    <div class="vw-probabilities"></div>
  </div>
  <p class="vw-note vw-more"></p>
  <details class="vw-classes" open>
    <summary><h3>Classes</h3></summary>
    <div class="vw-scroll" tabindex="0" role="group" aria-label="Classes"></div>
  </details>
  <details class="vw-confusions"><summary><h3>Confusions</h3></summary><ol class="vw-scroll" tabindex="0"></ol></details>
</div>
<p class="vw-said unseen" role="status"></p>`;

class Viewer {
    constructor({ element, props, server, watch, trigger }) {
        this.server = server;
        this.trigger = trigger;
        this.root = element.querySelector('.viewer');
        this.id = this.root.dataset.name;
        this.root.innerHTML = `<h2 class="unseen">${this.root.dataset.title}</h2>${MARKUP}`;
        this.at = (selector) => this.root.querySelector(selector);
        this.stage = this.at('.vw-stage');
        this.canvas = this.at('canvas');
        this.context = this.canvas.getContext('2d', { alpha: false });
        this.stage.setAttribute('aria-label', `${this.root.dataset.title}. Arrow keys move a crosshair, Shift by ten pixels, `
            + 'Enter reads it out; plus and minus zoom, digits choose a layer.');
        this.look = { layer: null, wipe: null, opacity: 0.6, filter: null, contours: false, names: true, boxes: false,
                      threshold: 0, pixel: null };
        this.split = 0.5;
        this.view = { scale: 1, x: 0.5, y: 0.5 };  // the middle of the stage, as shares of the picture
        this.draws = [];  // milliseconds of the latest drawings
        if (this.id === 'viewer') this.fromAddress();
        this.listen();
        new ResizeObserver(() => this.place()).observe(this.stage);
        watch('value', () => this.open(props.value));
        if (props.value) this.open(props.value);
    }

    // What is asked for by another value: a frame, or the same one from another network.
    async open(value) {
        if (!value) return;
        this.asked = value;
        this.tell(value.status ?? '');
        let images;
        try {
            const entries = Object.entries(value.planes).map(async ([name, path]) => [name, await decode(path)]);
            images = Object.fromEntries(await Promise.all(entries));
        } catch (error) {
            if (this.asked === value) this.tell('The picture could not be loaded. Open the frame again.');
            return;
        }
        if (this.asked !== value) return;  // another one came meanwhile
        const other = this.value?.frame !== undefined && this.value.frame !== value.frame;
        this.value = value;
        this.frame = new Frame(value, images);
        if (this.named !== undefined && value.names.length > 1) this.nameClasses();
        if (other) {
            Object.assign(this.view, { scale: 1, x: 0.5, y: 0.5 });
            if (!this.addressed) this.look.pixel = null;
            this.cursor = null;
            this.changed();
        }
        if (value.look && value.click !== this.click) {
            this.click = value.click;
            this.set(value.look);
        }
        this.cross = null;
        if (value.rows) this.addressed = false;
        if (value.wipe && this.look.layer === null) Object.assign(this.look, { wipe: value.wipe });
        const { pixel } = this.look;
        if (pixel && (pixel[0] >= value.size[0] || pixel[1] >= value.size[1])) this.look.pixel = null;
        [this.canvas.height, this.canvas.width] = value.size;
        this.image = new ImageData(this.canvas.width, this.canvas.height);
        this.out = new Uint32Array(this.image.data.buffer);
        this.fill();
        this.draw();
        // What the layers of errors need, while nothing else is to be done.
        requestIdleCallback(() => { if (value.planes.truth && value.boundary) this.frame.boundary(); });
        this.probabilities = null;
        if (this.look.pixel && value.ticket) this.ask();
        else this.read();
    }

    tell(text) {
        const status = this.at('.vw-status');
        status.hidden = !text;
        status.textContent = text;
    }

    layer(id) {
        const here = (other) => this.value.layers.find((one) => one.id === other && !one.missing);
        return here(id) ?? here(this.value.layer) ?? here('rgb') ?? this.value.layers[0];
    }

    get shown() { return this.layer(this.look.layer ?? this.value.layer); }

    get right() {
        const id = this.look.wipe;
        return id ? this.value.layers.find((one) => one.id === id && !one.missing) : undefined;
    }

    // ---- the page around the picture

    fill() {
        const { value } = this, present = value.layers.filter((layer) => !layer.missing);
        const radios = (name, entries) => entries.map(([id, text, why, key]) => `
            <label title="${escaped(why || (key ? `Key ${key}` : ''))}" class="${why ? 'off' : ''}">
            <input type="radio" name="${this.id}-${name}" value="${escaped(id)}" ${why ? 'disabled' : ''}>
            <span>${escaped(text)}</span></label>`).join('');
        this.at('.vw-layers').innerHTML = radios('layer',
            value.layers.map((layer, k) => [layer.id, layer.name, layer.missing, k + 1]));
        this.at('.vw-modality').innerHTML = radios('modality', value.modalities ?? []);
        const chosen = this.root.querySelector(`[name="${this.id}-modality"][value="${value.modality}"]`);
        if (chosen) chosen.checked = true;
        this.at('.vw-network select').innerHTML = (value.networks ?? []).map(([text, name]) =>
            `<option value="${escaped(name)}" ${name === value.weights ? 'selected' : ''}>${escaped(text)}</option>`).join('');
        const warnings = this.at('.vw-warnings');
        warnings.hidden = !value.warnings?.length;
        warnings.textContent = (value.warnings ?? []).join(' ');
        this.at('.vw-with').innerHTML = ['', ...present.map((layer) => layer.id)].map((id) =>
            `<option value="${id}">${id ? escaped(this.layer(id).name) : 'nothing'}</option>`).join('');
        this.at('.vw-with').closest('label').hidden = present.length < 2;
        for (const one of this.root.querySelectorAll('.vw-only-confidence')) one.hidden = !value.planes.confidence;
        this.at('.vw-only-boxes').hidden = !value.boxes?.length;
        this.at('.vw-strip').innerHTML = value.strip.map((id) =>
            `<button type="button" data-layer="${id}"><canvas aria-hidden="true"></canvas>
            <span>${escaped(this.layer(id).name)}</span></button>`).join('');
        this.root.classList.toggle('vw-alone', !value.rows && !value.status);
        this.score();
        this.table();
        this.confusions();
        this.canvas.setAttribute('aria-label', this.alternative());
    }

    alternative() {
        const { value } = this;
        if (!value.rows) return `frame ${value.name}`;
        const most = (key) => [...value.rows].filter((row) => row[key] >= 0.5).sort((a, b) => b[key] - a[key])
            .slice(0, 5).map((row) => `${value.names[row.label]} ${Math.round(row[key])} %`).join(', ') || 'nothing';
        const truth = value.planes.truth ? `; ground truth: ${most('truth')}` : '';
        return `frame ${value.name}; prediction: ${most('predicted')}${truth}`;
    }

    score() {
        const { score, meanConfidence, title = [], rows, note } = this.value;
        const figure = (number, text) => `<div class="figure"><b>${number}</b><span>${text}</span></div>`;
        const name = `<p class="vw-title">${title.map(escaped).join(' · ')}</p>`;
        this.at('.vw-more').textContent = note ?? '';
        if (!rows) { this.at('.vw-score').innerHTML = name; return; }
        if (!score) {
            this.at('.vw-score').innerHTML = `${name}<div class="vw-figures">${meanConfidence == null ? ''
                : figure(percent(100 * meanConfidence), 'mean confidence')}${figure(rows.length, 'predicted classes')}
                </div>`;
            this.at('.vw-more').textContent = 'This frame has no ground truth, so no IoU can be computed.';
            return;
        }
        if (score.extra) this.at('.vw-more').append(` ${score.extra > 1 ? `${score.extra} predicted classes are`
            : '1 predicted class is'} not in the ground truth (IoU 0, not part of the mIoU).`);
        this.at('.vw-score').innerHTML = `${name}<div class="vw-figures">
            ${figure(percent(score.miou), `mIoU of this frame: overlap with the ground truth, averaged over its
            ${score.classes} classes`)}${figure(percent(score.accuracy), 'pixel accuracy of this frame')}</div>`;
    }

    table() {
        const { value } = this, { rows } = value;
        this.at('.vw-classes').hidden = !rows;
        if (!rows) return;
        const bar = value.score ? 'iou' : 'predicted';
        const heads = [['name', 'class'], [bar, value.score ? 'IoU %' : 'predicted %'],
            value.score ? ['truth', 'share %'] : ['confidence', 'conf. %']];
        const [by, turned] = this.sorted ?? [value.score ? 'truth' : 'predicted', false];
        const of = (row) => (by === 'name' ? value.names[row.label] : row[by]);
        const ordered = [...rows].sort((a, b) => (of(a) === null) - (of(b) === null)
            || (by === 'name' ? of(a).localeCompare(of(b)) : (of(b) ?? 0) - (of(a) ?? 0)
                || Math.max(b.truth ?? 0, b.predicted) - Math.max(a.truth ?? 0, a.predicted)));
        if (turned) ordered.reverse();
        const number = (text) => (text == null ? 'n/a' : text.toFixed(1));
        this.at('.vw-classes .vw-scroll').innerHTML = `<table><thead><tr>${heads.map(([key, text]) => `<th scope="col"
            ${key === by ? `aria-sort="${(key === 'name') === turned ? 'descending' : 'ascending'}"` : ''}>
            <button type="button" data-sort="${key}">${text}</button></th>`).join('')}
            <th><button type="button" class="vw-all">all</button></th></tr></thead><tbody>${ordered.map((row) => {
                const name = escaped(value.names[row.label]), colour = value.colours[row.label];
                const more = `ground truth ${row.truth == null ? 'n/a' : percent(row.truth)}, predicted ${
                    percent(row.predicted)}, mean confidence ${percent(row.confidence)}`;
                return `<tr data-label="${row.label}" title="${more}"><td><button type="button" class="vw-name">
                    ${swatch(colour)}${name}</button></td><td class="vw-meter"><span><i style="width:${row[bar] ?? 0}%;
                    background:${colour}"></i></span>${number(row[bar])}</td><td>${number(row[heads[2][0]])}</td>
                    <td><button type="button" class="vw-eye" aria-label="Show ${name}"></button></td></tr>`;
            }).join('')}</tbody></table><p class="vw-note vw-absent"></p>`;
        this.mark();
    }

    // The class filter, where it shows.
    mark() {
        const { filter } = this.look, { value } = this;
        for (const row of this.root.querySelectorAll('tr[data-label]')) {
            const on = !filter || filter.has(Number(row.dataset.label));
            row.classList.toggle('vw-off', !on);
            row.querySelector('.vw-eye').setAttribute('aria-pressed', on);
        }
        this.at('.vw-all')?.toggleAttribute('disabled', !filter);
        const absent = [...filter ?? []].filter((label) => !value.rows?.some((row) => row.label === label));
        const note = this.at('.vw-absent');
        if (note) note.textContent = absent.length
            ? `Not in this frame: ${absent.map((label) => value.names[label]).join(', ')}.` : '';
    }

    // The most frequent confusions, or those of the filter's classes.
    confusions() {
        const { value } = this, list = this.at('.vw-confusions');
        list.hidden = !value.confusions;
        if (!value.confusions) return;
        const { filter } = this.look, [truth] = value.pixels;
        const found = value.confusions.filter(([a, b]) => !filter || filter.has(a) || filter.has(b)).slice(0, 15);
        list.querySelector('ol').innerHTML = found.map(([a, b, pixels]) => `<li><button type="button" data-pair="${a},${b}"
            title="Show the errors of both classes">${swatch(value.colours[a])}
            ${escaped(value.names[a])} → ${swatch(value.colours[b] ?? '#888')}${escaped(value.names[b] ?? 'another class')}
            <b>${(100 * pixels / truth[a - 1]).toFixed(0)} %</b> <small>${pixels.toLocaleString('en')} px</small></button></li>`
        ).join('') || '<li>No confusions.</li>';
    }

    // Controls show the look.
    controls() {
        const { look, shown } = this;
        for (const radio of this.root.querySelectorAll(`[name="${this.id}-layer"]`))
            radio.checked = radio.value === shown.id;
        for (const thumb of this.root.querySelectorAll('.vw-strip button'))
            thumb.setAttribute('aria-pressed', thumb.dataset.layer === shown.id);
        this.at('.vw-opacity').value = look.opacity;
        this.at('.vw-threshold').value = look.threshold;
        const [opacity, threshold] = this.root.querySelectorAll('output');
        opacity.textContent = `${Math.round(100 * look.opacity)} %`;
        threshold.textContent = `${Math.round(100 * look.threshold)} %`;
        this.at('.vw-with').value = this.right?.id ?? '';
        for (const name of ['contours', 'names', 'boxes']) this.at(`.vw-${name}`).checked = look[name];
        const left = this.at('.vw-left');
        if (look.threshold && this.frame.planes.confidence) {
            const { coverage, accuracy } = this.frame.kept_above(look.threshold);
            left.textContent = `${percent(100 * coverage)} of the pixels are left`
                + (accuracy == null ? '.' : `, ${percent(100 * accuracy)} of them correct.`);
        } else left.textContent = '';
        this.key();
    }

    // The meaning of the layer's colours.
    key() {
        const { value, shown: layer } = this, key = this.at('.vw-key');
        const scale = (low, table, high) =>
            `<span class="vw-scale">${low}<i style="background:${gradient(table)}"></i>${high}</span>`;
        if (layer.kind === 'depth') {
            const missing = this.frame.once('missing', () => this.frame.mm.filter((mm) => !mm).length);
            key.innerHTML = `${scale(`${value.range[0].toFixed(1)} m`, DEPTH, `${value.range[1].toFixed(1)} m`)}
                <span>${percent(100 * missing / this.frame.length)} missing</span><span>${escaped(value.depthNote)}</span>`;
        } else if (layer.kind === 'values') key.innerHTML = scale('0 %', VALUES, '100 %')
            + (layer.id === 'entropy' ? '<span>0 %: one class; 100 %: all classes equally likely</span>' : '');
        else if (layer.kind === 'errors' || layer.kind === 'difference') {
            const one = this.look.filter?.size === 1 ? `${value.names[[...this.look.filter][0]]} ` : '';
            key.innerHTML = Object.entries(outcomesOf(layer, this.look)).map(([meaning, colour]) =>
                `<span>${swatch(colour)}${escaped(layer.kind === 'errors' ? one : '')}${escaped(meaning)}</span>`).join('');
        } else if (layer.id === 'truth') {
            const empty = this.frame.once('void', () => this.frame.planes.truth.filter((label) => !label).length);
            key.innerHTML = `<span>${percent(100 * empty / this.frame.length)} void (unlabelled)</span>`;
        } else key.textContent = value.grey && layer.kind === 'rgb' ? 'No RGB: depth in grey.' : '';
    }

    // ---- the picture

    draw() {
        if (this.waiting) return;
        this.waiting = requestAnimationFrame(() => { this.waiting = null; this.drawNow(); });
    }

    drawNow() {
        if (!this.frame) return;
        const began = performance.now(), { frame, shown, right, out } = this;
        const look = this.hovered == null ? this.look : { ...this.look, filter: new Set([this.hovered]) };
        const middle = right ? Math.round(this.split * frame.width) : frame.width;
        paint(frame, shown, look, out, 0, middle);
        if (right) paint(frame, right, look, out, middle, frame.width);
        this.context.putImageData(this.image, 0, 0);
        Object.assign(this.canvas.dataset, { layer: shown.id, wipe: right?.id ?? '', frame: this.value.name });
        this.draws.push(performance.now() - began);
        if (this.draws.length > 200) this.draws.shift();
        this.place();
        this.controls();
        clearTimeout(this.thumbsDue);
        this.thumbsDue = setTimeout(() => this.thumbs(look), 60);
    }

    thumbs(look) {
        const { frame } = this, step = Math.max(1, Math.floor(Math.max(frame.width, frame.height) / 200));
        for (const thumb of this.root.querySelectorAll('.vw-strip button')) {
            const canvas = thumb.querySelector('canvas');
            [canvas.width, canvas.height] = [Math.floor(frame.width / step), Math.floor(frame.height / step)];
            const small = new ImageData(canvas.width, canvas.height);
            paint(frame, this.layer(thumb.dataset.layer), look, new Uint32Array(small.data.buffer), 0, canvas.width, step);
            canvas.getContext('2d').putImageData(small, 0, 0);
        }
    }

    // Size and place of the picture in the stage [CSS px].
    geometry() {
        const { clientWidth: width, clientHeight: height } = this.stage, { scale, x, y } = this.view;
        const size = Math.min(width / this.canvas.width, height / this.canvas.height) * scale;
        const along = (room, count, at) => (count * size <= room ? (room - count * size) / 2
            : clamp(room / 2 - at * count * size, room - count * size, 0));
        return { size, left: along(width, this.canvas.width, x), top: along(height, this.canvas.height, y), width, height };
    }

    place() {
        if (!this.frame) return;
        const { size, left, top, width } = this.geometry();
        this.canvas.style.transform = `translate(${left}px, ${top}px) scale(${size})`;
        this.canvas.style.imageRendering = size >= 2 ? 'pixelated' : 'auto';
        this.stage.classList.toggle('vw-zoomed', this.view.scale > 1);
        const wipe = this.at('.vw-wipe');
        wipe.hidden = !this.right;
        if (this.right) {
            wipe.style.left = `${clamp(left + this.split * this.canvas.width * size, 0, width)}px`;
            wipe.setAttribute('aria-valuenow', Math.round(100 * this.split));
            wipe.setAttribute('aria-valuetext', `${this.shown.name} left of ${Math.round(100 * this.split)} %, `
                + `${this.right.name} right of it`);
            wipe.dataset.left = this.shown.name;
            wipe.dataset.right = this.right.name;
        }
        this.marks();
    }

    // Names, boxes, the ring and the crosshair, over the picture.
    marks() {
        const { frame, look, value } = this, { size, left, top, width, height } = this.geometry(), pieces = [];
        const at = (x, y) => [left + x * size, top + y * size];
        const middle = this.right ? this.split * frame.width : frame.width;
        const text = (x, y, name) => `<text x="${x.toFixed(1)}" y="${y.toFixed(1)}">${escaped(name)}</text>`;
        if (look.names) for (const [layer, from, to] of [[this.shown, 0, middle], [this.right, middle, frame.width]]) {
            if (layer?.kind !== 'classes') continue;
            for (const { label, area, x, y } of frame.regions(layer.id)) {
                const [left, top] = at(x, y), wide = 7 * value.names[label].length;
                if (x < from || x >= to || (look.filter && !look.filter.has(label))) continue;
                if (area * size * size < wide * wide * 0.8 || left < wide / 2 || left > width - wide / 2) continue;
                if (top > 12 && top < height - 8) pieces.push(text(left, top + 4, value.names[label]));
            }
        }
        if (look.boxes && (this.shown.kind === 'rgb' || this.right?.kind === 'rgb')) for (const box of value.boxes ?? []) {
            if (look.filter ? !look.filter.has(box.label) : !box.usual) continue;
            const lines = box.lines.map(([x1, y1, x2, y2]) => `M${at(x1, y1)}L${at(x2, y2)}`).join('');
            pieces.push(`<path d="${lines}" stroke="${box.colour}"/>`);
            if (box.lines.length && box.name) {
                const xs = box.lines.flatMap((line) => [line[0], line[2]]), ys = box.lines.flatMap((line) => [line[1], line[3]]);
                const [x, y] = at(Math.max(Math.min(...xs), 2), Math.max(Math.min(...ys), 2));
                pieces.push(`<text class="vw-start" x="${x}" y="${y + 12}">${escaped(box.name)}</text>`);
            }
        }
        if (look.pixel) {
            const [x, y] = at(look.pixel[1] + 0.5, look.pixel[0] + 0.5);
            pieces.push(`<circle cx="${x}" cy="${y}" r="9" class="vw-ring-edge"/><circle cx="${x}" cy="${y}" r="9" class="vw-ring"/>`);
        }
        if (this.cross) {
            const [x, y] = at(this.cross[1] + 0.5, this.cross[0] + 0.5);
            const d = `M${x - 14} ${y}h10m8 0h10M${x} ${y - 14}v10m0 8v10`;
            pieces.push(`<path class="vw-ring-edge" d="${d}"/><path class="vw-ring" d="${d}"/>`);
        }
        this.at('.vw-over').innerHTML = pieces.join('');
    }

    // Row and column under a place on the screen, or null beside the picture.
    pixelAt(clientX, clientY) {
        if (!this.frame) return null;
        const box = this.stage.getBoundingClientRect(), { size, left, top } = this.geometry();
        const column = Math.floor((clientX - box.left - left) / size), row = Math.floor((clientY - box.top - top) / size);
        const inside = row >= 0 && column >= 0 && row < this.frame.height && column < this.frame.width;
        return inside ? [row, column] : null;
    }

    zoom(factor, clientX, clientY) {
        if (!this.frame) return;
        const box = this.stage.getBoundingClientRect(), before = this.geometry();
        const px = (clientX ?? box.left + box.width / 2) - box.left, py = (clientY ?? box.top + box.height / 2) - box.top;
        const x = (px - before.left) / before.size, y = (py - before.top) / before.size;  // what stays where it is
        this.view.scale = clamp(this.view.scale * factor, 1, MOST_ZOOM);
        const { size } = this.geometry();
        this.centre((x - (px - box.width / 2) / size) / this.canvas.width, (y - (py - box.height / 2) / size) / this.canvas.height);
    }

    centre(x, y) {
        const { size, width, height } = this.geometry();
        const half = [width / 2 / size / this.canvas.width, height / 2 / size / this.canvas.height];
        const within = (at, margin) => (margin >= 0.5 ? 0.5 : clamp(at, margin, 1 - margin));
        this.view.x = within(x, half[0]);
        this.view.y = within(y, half[1]);
        this.place();
    }

    // ---- reading

    // The values of the pixel under the cursor, at the crosshair, or of the marked one.
    values([row, column]) {
        const { value, frame } = this, i = row * frame.width + column, found = [];
        for (const layer of value.layers) {
            if (layer.missing) continue;
            if (layer.kind === 'classes') {
                const label = frame.planes[layer.id][i], truth = frame.planes.truth?.[i];
                const verdict = layer.id === 'truth' || !truth ? '' : label === truth ? 'correct' : 'wrong';
                found.push([layer.name, value.names[label] ?? `class ${label}`, value.colours[label], verdict]);
            } else if (layer.kind === 'values') found.push([layer.name, `${Math.min(Math.round((frame.planes[layer.id][i] + 0.5) / 2.55), 100)} %`]);
            else if (layer.kind === 'depth') found.push([layer.name, frame.mm[i] ? `${(frame.mm[i] / 1000).toFixed(3)} m` : 'missing']);
        }
        found.push(['Pixel', `column ${column * value.step}, row ${row * value.step}`]);
        return found;
    }

    read() {
        if (!this.frame) return;
        const at = this.cursor ?? this.cross ?? this.look.pixel;
        const touch = matchMedia('(hover: none)').matches, hint = this.at('.vw-hint');
        hint.textContent = touch ? 'Tap the picture to read a pixel.' : `Point at the picture to read a pixel${
            this.value.ticket ? '; click for its class probabilities' : ''}.`;
        this.at('.vw-readout dl').innerHTML = this.values(at ?? [0, 0]).map(([name, text, colour, verdict]) =>
            `<div><dt>${escaped(name)}</dt><dd>${at ? `${colour ? swatch(colour) : ''}${escaped(text)}${verdict
                ? ` <em class="vw-${verdict}">${verdict}</em>` : ''}` : '–'}</dd></div>`).join('');
        const { pixel } = this.look, box = this.at('.vw-probabilities');
        box.hidden = !pixel || !this.value.ticket;
        if (box.hidden) box.innerHTML = '';
        else if (!this.probabilities) box.textContent = '…';
        else if (typeof this.probabilities === 'string') box.textContent = this.probabilities;
        else box.innerHTML = `<p>Class probabilities at column ${pixel[1] * this.value.step}, row ${pixel[0] * this.value.step}</p>
            ${this.probabilities.map(([label, share]) => `<div class="vw-bar-row"><span>${escaped(this.value.names[label])}</span>
            <span class="vw-track"><i style="width:${(100 * share).toFixed(1)}%;background:${this.value.colours[label]}"></i></span>
            <b>${(100 * share).toFixed(1)} %</b></div>`).join('')}`;
    }

    async ask() {
        const { pixel } = this.look, { ticket } = this.value;
        this.probabilities = null;
        this.read();
        this.marks();
        if (!ticket) return;
        let answer = 'The server did not answer. Try again.';
        try { answer = await this.server.pixel([ticket, ...pixel]); } catch { /* said below */ }
        if (pixel !== this.look.pixel || ticket !== this.value.ticket) return;
        this.probabilities = answer;
        this.read();
    }

    pick(pixel, aloud = false) {
        if (!pixel) return;
        this.look.pixel = pixel;
        this.changed();
        this.ask();
        if (aloud) this.at('.vw-said').textContent = this.values(pixel)
            .map(([name, text, , verdict]) => `${name}: ${text}${verdict ? `, ${verdict}` : ''}`).join('. ');
    }

    // ---- the look

    set(changes) {
        const { classes, ...rest } = changes;
        if ('classes' in changes) this.look.filter = classes?.length ? new Set(classes) : null;
        Object.assign(this.look, rest);
        if (!this.frame) return;
        if ('classes' in changes) { this.mark(); this.confusions(); }
        this.draw();
        this.changed('classes' in changes);
    }

    // What reports and 3D take from the look.
    state() {
        return { opacity: this.look.opacity, classes: this.look.filter && [...this.look.filter] };
    }

    filter(labels) {
        this.set({ classes: labels && [...labels] });
    }

    changed(push = false) {
        if (this.id !== 'viewer') return;
        clearTimeout(this.due);
        this.pushing ||= push;
        this.due = setTimeout(() => {
            const { look } = this, names = this.value?.names ?? [];
            const params = {
                layer: look.layer && look.layer !== 'prediction' ? look.layer : null,
                wipe: look.wipe || null,
                opacity: look.opacity === 0.6 ? null : String(look.opacity),
                class: look.filter ? [...look.filter].map((label) => names[label] ?? NONE).join(',') : null,
                contours: look.contours ? '1' : null,
                boxes: look.boxes ? '1' : null,
                min_confidence: look.threshold ? String(look.threshold) : null,
                pixel: look.pixel ? look.pixel.join() : null,
            };
            if (window.writeAddress) window.writeAddress(params, this.pushing);
            else {
                const query = new URLSearchParams(location.search);
                for (const old of ['overlay', 'view']) query.delete(old);
                for (const [key, text] of Object.entries(params)) text === null ? query.delete(key) : query.set(key, text);
                history.replaceState(history.state, '', `${location.pathname}${query.size ? `?${query}` : ''}${location.hash}`);
            }
            this.pushing = false;
        }, 200);
    }

    // Take the look from the page's address.
    fromAddress() {
        this.addressed = true;  // the pixel is the next frame's
        const query = new URLSearchParams(location.search), number = (key, usual) => {
            const found = parseFloat(query.get(key));
            return found >= 0 && found <= 1 ? found : usual;
        };
        const old = query.get('overlay') ?? query.get('view');
        const pixel = query.get('pixel')?.split(',').map(Number);
        Object.assign(this.look, {
            layer: query.get('layer') ?? (old === 'classes' ? null : old),
            wipe: query.get('wipe'),
            opacity: number('opacity', 0.6),
            threshold: Math.min(number('min_confidence', 0), 0.99),
            contours: query.get('contours') === '1',
            boxes: query.get('boxes') === '1',
            pixel: pixel?.length === 2 && pixel.every((one) => Number.isInteger(one) && one >= 0) ? pixel : null,
        });
        this.named = query.get('class');
        if (this.frame) this.nameClasses();
        if (this.frame) { this.mark(); this.confusions(); this.draw(); this.look.pixel ? this.ask() : this.read(); }
    }

    // The class filter of the address, once the frame's classes are known.
    nameClasses() {
        const { names } = this.value;
        const labels = [];
        // Names may hold commas themselves: the longest that is one of the frame's.
        for (let parts = (this.named ?? '').split(','); parts.length;) {
            let end = parts.length;
            const label = () => [...names, NONE].indexOf(parts.slice(0, end).join(','));
            while (end > 1 && label() < 0) end -= 1;
            if (label() > 0) labels.push(label());
            parts = parts.slice(end);
        }
        this.look.filter = labels.length ? new Set(labels) : null;
        this.named = undefined;
    }

    // ---- events

    listen() {
        const { root, stage } = this;
        root.addEventListener('change', ({ target }) => {
            if (target.name === `${this.id}-layer`) this.set({ layer: target.value });
            else if (target.name === `${this.id}-modality`) this.trigger('select', { index: 0, value: target.value });
            else if (target.closest('.vw-network')) this.trigger('select', { index: 1, value: target.value });
            else if (target.matches('.vw-with')) this.set({ wipe: target.value || null });
            else if (target.matches('.vw-contours')) this.set({ contours: target.checked });
            else if (target.matches('.vw-names')) this.set({ names: target.checked });
            else if (target.matches('.vw-boxes'))
                this.set({ boxes: target.checked, ...(target.checked && this.shown.kind !== 'rgb' ? { layer: 'rgb' } : {}) });
        });
        root.addEventListener('input', ({ target }) => {
            if (target.matches('.vw-opacity')) this.set({ opacity: Number(target.value) });
            if (target.matches('.vw-threshold')) this.set({ threshold: Number(target.value) });
        });
        root.addEventListener('click', (event) => this.press(event));
        root.addEventListener('pointerover', ({ target, pointerType }) => {
            const row = pointerType === 'mouse' ? target.closest('tr[data-label]') : null;
            const label = row ? Number(row.dataset.label) : null;
            if (label !== (this.hovered ?? null)) { this.hovered = label; this.draw(); }
        });
        root.addEventListener('pointerleave', () => {
            if (this.hovered != null) { this.hovered = null; this.draw(); }
        });
        this.pointers();
        stage.addEventListener('wheel', (event) => {
            // The wheel alone scrolls the page, unless the picture has the focus.
            if (!event.ctrlKey && !event.metaKey && document.activeElement !== stage) return;
            event.preventDefault();
            const by = -Math.sign(event.deltaY) * Math.min(Math.abs(event.deltaY), 60) / 150;
            this.zoom(Math.exp(by), event.clientX, event.clientY);
        }, { passive: false });
        stage.addEventListener('keydown', (event) => this.key_on_picture(event));
        stage.addEventListener('blur', () => { this.cross = null; this.marks(); this.read(); });
        const wipe = this.at('.vw-wipe');
        wipe.addEventListener('keydown', (event) => {
            const by = { ArrowLeft: -1, ArrowRight: 1, ArrowDown: -1, ArrowUp: 1 }[event.key];
            if (by) this.split = clamp(this.split + by * (event.shiftKey ? 0.1 : 0.01), 0, 1);
            else if (event.key === 'Home') this.split = 0;
            else if (event.key === 'End') this.split = 1;
            else return;
            event.preventDefault();
            event.stopPropagation();
            this.draw();
        });
    }

    press({ target }) {
        const button = target.closest('button');
        if (!button) return;
        const { filter } = this.look, row = button.closest('tr[data-label]'), label = Number(row?.dataset.label);
        if (button.dataset.layer) this.set({ layer: button.dataset.layer });
        else if (button.dataset.sort) {
            const [by, turned] = this.sorted ?? [];
            this.sorted = [button.dataset.sort, by === button.dataset.sort && !turned];
            this.table();
        } else if (button.dataset.pair) this.set({ layer: 'errors', classes: button.dataset.pair.split(',').map(Number) });
        else if (button.matches('.vw-all')) this.filter(null);
        else if (button.matches('.vw-name')) {
            // A class alone; another one joins it, and a second click takes it back.
            const alone = filter && filter.size < this.value.rows.length - 1 ? new Set(filter) : new Set();
            if (!alone.delete(label)) alone.add(label);
            this.filter(alone.size ? alone : null);
        } else if (button.matches('.vw-eye')) {
            const on = new Set(filter ?? this.value.rows.map((one) => one.label));
            if (!on.delete(label)) on.add(label);
            this.filter(this.value.rows.every((one) => on.has(one.label)) ? null : on.size ? on : [this.value.names.length]);
        } else if (button.dataset.do === 'in') this.zoom(1.5);
        else if (button.dataset.do === 'out') this.zoom(1 / 1.5);
        else if (button.dataset.do === 'whole') this.whole();
        else if (button.dataset.do === 'full') document.fullscreenElement ? document.exitFullscreen() : this.stage.requestFullscreen();
        else if (button.dataset.do === 'save') this.save();
    }

    whole() {
        this.view.scale = 1;
        this.place();
    }

    save() {
        const { file = 'frame', names } = this.value, { id, kind } = this.shown;
        const set = kind === 'rgb' || kind === 'depth' ? '' : `_${this.value.set}`;
        const size = this.value.step > 1 ? `_${this.canvas.width}x${this.canvas.height}` : '';
        this.canvas.toBlob((blob) => {
            const link = Object.assign(document.createElement('a'),
                { href: URL.createObjectURL(blob), download: `${file}_${id}${set}${size}.png` });
            link.click();
            setTimeout(() => URL.revokeObjectURL(link.href), 1e4);
        });
    }

    pointers() {
        const { stage } = this, held = new Map(), wipe = this.at('.vw-wipe');
        let grip = null, dragged = false;
        const distance = () => {
            const [a, b] = [...held.values()];
            return Math.hypot(a.clientX - b.clientX, a.clientY - b.clientY);
        };
        stage.addEventListener('pointerdown', (event) => {
            if (event.target.closest('.vw-zoom') || event.button) return;
            held.set(event.pointerId, event);
            dragged = held.size > 1;
            const on = event.target === wipe ? 'wipe' : held.size === 2 ? 'pinch' : 'pan';
            grip = { on, at: event, x: this.view.x, y: this.view.y, apart: held.size === 2 ? distance() : 0 };
            if (on === 'wipe') wipe.setPointerCapture(event.pointerId);
        });
        stage.addEventListener('pointermove', (event) => {
            if (held.has(event.pointerId)) held.set(event.pointerId, event);
            if (event.pointerType !== 'touch') { this.cursor = this.pixelAt(event.clientX, event.clientY); this.read(); }
            if (!grip || !held.size) return;
            const dx = event.clientX - grip.at.clientX, dy = event.clientY - grip.at.clientY;
            dragged ||= Math.hypot(dx, dy) > DRAG_PX;
            if (grip.on === 'pinch' && held.size === 2) {
                const [a, b] = [...held.values()], apart = distance();
                this.zoom(apart / grip.apart, (a.clientX + b.clientX) / 2, (a.clientY + b.clientY) / 2);
                grip.apart = apart;
            } else if (grip.on === 'wipe') {
                const { size, left } = this.geometry(), box = stage.getBoundingClientRect();
                this.split = clamp((event.clientX - box.left - left) / size / this.canvas.width, 0, 1);
                this.draw();
            } else if (grip.on === 'pan' && dragged && this.view.scale > 1) {
                const { size } = this.geometry();
                this.centre(grip.x - dx / size / this.canvas.width, grip.y - dy / size / this.canvas.height);
            }
        });
        const end = (event) => {
            held.delete(event.pointerId);
            if (!held.size) grip = null;
        };
        for (const name of ['pointerup', 'pointercancel']) addEventListener(name, end);
        stage.addEventListener('pointerleave', () => { this.cursor = null; this.read(); });
        stage.addEventListener('click', (event) => {
            if (!dragged && !event.target.closest('.vw-zoom, .vw-wipe')) this.pick(this.pixelAt(event.clientX, event.clientY));
            dragged = false;
        });
        stage.addEventListener('dblclick', (event) => {
            if (!event.target.closest('.vw-zoom, .vw-wipe'))
                this.view.scale > 1 ? this.whole() : this.zoom(3, event.clientX, event.clientY);
        });
        stage.addEventListener('dragstart', (event) => event.preventDefault());
    }

    key_on_picture(event) {
        if (event.target !== this.stage || event.altKey || event.ctrlKey || event.metaKey || !this.frame) return;
        const { height, width } = this.frame, by = event.shiftKey ? 10 : 1;
        const step = { ArrowLeft: [0, -by], ArrowRight: [0, by], ArrowUp: [-by, 0], ArrowDown: [by, 0] }[event.key];
        if (step) {
            const [row, column] = this.cross ?? this.look.pixel ?? [height >> 1, width >> 1];
            this.cross = [clamp(row + step[0], 0, height - 1), clamp(column + step[1], 0, width - 1)];
            this.cursor = null;
            this.marks();
            this.read();
        } else if (event.key === 'Enter') this.pick(this.cross ?? this.look.pixel ?? [height >> 1, width >> 1], true);
        else if (event.key === 'Escape') this.stage.blur();
        else return;
        event.preventDefault();
        event.stopPropagation();
    }

    // Keys of the page, while this viewer is on it.
    shortcut(event) {
        const { key } = event, digit = this.value?.layers[Number(key) - 1];
        if (digit && !digit.missing) this.set({ layer: digit.id });
        else if (key === '[' || key === ']')
            this.set({ opacity: clamp(Math.round(20 * this.look.opacity + (key === ']' ? 1 : -1)) / 20, 0, 1) });
        else if (key === '+' || key === '=') this.zoom(1.5);
        else if (key === '-') this.zoom(1 / 1.5);
        else if (key === '0') this.whole();
    }
}

window.viewers = {};
function start(mounting) {
    const viewer = new Viewer(mounting);
    window.viewers[viewer.id] = viewer;
    if (PHONE.matches) for (const fold of viewer.root.querySelectorAll('details')) fold.open = false;
}
for (const mounting of window.openViewers ?? []) start(mounting);
window.openViewers = { push: start };

document.addEventListener('click', (event) => {
    const stage = event.target.closest?.('.skip') && window.viewers.viewer?.stage;
    if (stage) { event.preventDefault(); stage.focus(); }
});
document.addEventListener('keydown', (event) => {
    if (event.altKey || event.ctrlKey || event.metaKey || event.target.closest?.(TYPED)) return;
    const seen = Object.values(window.viewers).find((one) => one.root.offsetParent && one.frame);
    const step = { ArrowLeft: '#previous', ArrowRight: '#next' }[event.key];
    if (!step) { seen?.shortcut(event); return; }
    const button = event.shiftKey ? null : document.querySelector(step);
    if (button?.offsetParent && !button.disabled) { event.preventDefault(); button.click(); }
});
