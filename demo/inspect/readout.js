// The read-out at the cursor, clicks on the wipe, and arrow keys that walk through the frames.
const PICTURES = '#stage .panel img, #wipe img';
const DRAG_PX = 5;
const TYPED = 'input, textarea, select, [contenteditable], [role=slider], [role=tab], [role=radio], [role=listbox]';
let values = null;

function load() {
    const image = element.querySelector('.readout-values');
    values = null;  // those of another frame are not read over this one
    hide();
    if (!image) return;
    keepView(image.dataset);
    const decoded = new Image();
    decoded.onload = () => {
        if (decoded.src !== image.src) return;  // others came meanwhile
        const canvas = document.createElement('canvas');
        canvas.width = decoded.width;
        canvas.height = decoded.height;
        const context = canvas.getContext('2d', { willReadFrequently: true });
        context.drawImage(decoded, 0, 0);
        values = { ...image.dataset, names: image.dataset.names.split(','), width: decoded.width,
                   height: decoded.height / 2, frame: [Number(image.dataset.height), Number(image.dataset.width)],
                   data: context.getImageData(0, 0, decoded.width, decoded.height).data };
        follow();
    };
    decoded.src = image.src;
}
// Where the picture lies inside its element, which may be letterboxed.
function area(image) {
    const box = image.getBoundingClientRect();
    const scale = Math.min(box.width / image.naturalWidth, box.height / image.naturalHeight);
    const width = image.naturalWidth * scale, height = image.naturalHeight * scale;
    return { left: box.left + (box.width - width) / 2, top: box.top + (box.height - height) / 2, width, height };
}

function place(event, image) {
    const box = area(image);
    const x = (event.clientX - box.left) / box.width, y = (event.clientY - box.top) / box.height;
    return x >= 0 && x < 1 && y >= 0 && y < 1 ? [x, y] : null;
}

// Ask for the pixel under the cursor; whether there is one.
function pick(event, image) {
    const at = values && place(event, image);
    if (!at) return false;
    const [height, width] = values.frame;
    trigger('select', { index: [Math.floor(at[1] * height), Math.floor(at[0] * width)], value: 'pixel' });
    return true;
}

const card = document.createElement('div');
card.className = 'readout';
card.setAttribute('aria-hidden', 'true');
card.hidden = true;
document.body.append(card);
const dots = [];

function hide() {
    card.hidden = true;
    for (const dot of dots) dot.hidden = true;
}

function show(event, at) {
    const column = Math.floor(at[0] * values.width), row = Math.floor(at[1] * values.height);
    const k = 4 * (row * values.width + column);
    const [label, confidence, depth] = values.data.slice(k, k + 3);
    const truth = values.data[k + 4 * values.width * values.height];
    const sure = values.confidence === '1' ? ` ${Math.round(confidence / 2.55)} %` : '';
    const parts = [`${values.names[label]}${sure}`];
    if (values.truth === '1') parts.push(`ground truth: ${values.names[truth]}`);
    if (depth) parts.push(`${(depth * 0.05).toFixed(2)} m`);
    card.textContent = parts.join(' · ');
    card.hidden = false;
    card.style.left = `${Math.min(event.clientX + 14, innerWidth - card.offsetWidth - 8)}px`;
    card.style.top = `${Math.min(event.clientY + 16, innerHeight - card.offsetHeight - 8)}px`;
    const panels = [...document.querySelectorAll('#stage .panel img')];
    panels.forEach((image, index) => {
        const box = area(image);
        const dot = dots[index] ??= Object.assign(document.createElement('i'), { className: 'readout-dot' });
        if (!dot.isConnected) document.body.append(dot);
        const [left, top] = [box.left + at[0] * box.width, box.top + at[1] * box.height];
        const clip = image.closest('.image-frame').getBoundingClientRect();  // smaller than a picture that is zoomed
        dot.hidden = !box.width || left < clip.left || left > clip.right || top < clip.top || top > clip.bottom;
        dot.style.left = `${left}px`;
        dot.style.top = `${top}px`;
    });
}

// The cursor's last place, for when other values come under it.
let cursor = null;
function follow() {
    const target = cursor && document.elementFromPoint(cursor.clientX, cursor.clientY);
    const image = target?.closest('#wipe') ? document.querySelector('#wipe img')
        : target?.matches(PICTURES) ? target
        : target?.closest('#stage .panel')?.querySelector('img');
    const at = image && values && cursor.pointerType !== 'touch' && place(cursor, image);
    if (at) show(cursor, at);
    else hide();
}
document.addEventListener('pointermove', (event) => { cursor = event; follow(); });
document.documentElement.addEventListener('pointerleave', () => { cursor = null; hide(); });
document.addEventListener('scroll', hide, true);

// The wipe has a handle to drag; a press without a drag asks for the pixel under it.
let pressed = null;
document.addEventListener('pointerdown', (event) => {
    pressed = event.target.closest?.('#wipe') && [event.clientX, event.clientY];
}, true);
document.addEventListener('pointerup', (event) => {
    const image = pressed && values && document.querySelector('#wipe img');
    if (!image || Math.hypot(event.clientX - pressed[0], event.clientY - pressed[1]) > DRAG_PX) return;
    if (!event.target.closest?.('button, a')) pick(event, image);
}, true);

document.addEventListener('keydown', (event) => {
    const step = { ArrowLeft: '#previous', ArrowRight: '#next' }[event.key];
    if (!step || event.altKey || event.ctrlKey || event.metaKey || event.shiftKey) return;
    if (event.target.closest?.(TYPED)) return;
    const button = document.querySelector(step);
    if (button?.offsetParent && !button.disabled) { event.preventDefault(); button.click(); }
});
