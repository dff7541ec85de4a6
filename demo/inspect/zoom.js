// Zoom and pan of all pictures side by side at once: Ctrl + wheel (or a pinch on a trackpad), a double click, + and -;
// drag to move, 0 to show the whole. The stylesheet reads the view from the document's variables.
const ZOOMED = '.panels .panel';
const MOST = 16;
const view = { scale: 1, x: 0, y: 0 };  // x, y: the shares of the pictures that are cut off left and above
let frame = null;
let grip = null;
let dragged = false;

function look(scale, x, y) {
    view.scale = Math.min(Math.max(scale, 1), MOST);
    view.x = Math.min(Math.max(x, 0), 1 - 1 / view.scale);
    view.y = Math.min(Math.max(y, 0), 1 - 1 / view.scale);
    const { style, classList } = document.documentElement;
    style.setProperty('--zoom', view.scale);
    style.setProperty('--pan-x', `${-100 * view.x * view.scale}%`);
    style.setProperty('--pan-y', `${-100 * view.y * view.scale}%`);
    classList.toggle('zoomed', view.scale > 1);
    hide();
}

// What lies at a share of the window (of each picture's frame) stays there.
function zoom(factor, [x, y] = [0.5, 0.5]) {
    const at = [view.x + x / view.scale, view.y + y / view.scale];
    const scale = Math.min(Math.max(view.scale * factor, 1), MOST);
    look(scale, at[0] - x / scale, at[1] - y / scale);
}

function share(event, image) {
    const box = image.getBoundingClientRect();
    return [((event.clientX - box.left) / box.width - view.x) * view.scale,
            ((event.clientY - box.top) / box.height - view.y) * view.scale];
}

function pictureOf(event) {
    return event.target.closest?.(ZOOMED) && event.target.closest('.image-frame')?.querySelector('img');
}

function keepView(values) {
    const shown = `${values.origin} ${values.height} ${values.width}`;
    if (frame !== null && frame !== shown) look(1, 0, 0);
    frame = shown;
}

document.addEventListener('wheel', (event) => {
    const image = event.ctrlKey && pictureOf(event);
    if (!image) return;
    event.preventDefault();
    zoom(Math.exp(-Math.sign(event.deltaY) * Math.min(Math.abs(event.deltaY), 60) / 150), share(event, image));
}, { passive: false, capture: true });

document.addEventListener('dblclick', (event) => {
    const image = pictureOf(event);
    if (image) zoom(view.scale > 1 ? 1 / MOST : 3, share(event, image));
});

document.addEventListener('dragstart', (event) => { if (pictureOf(event)) event.preventDefault(); });

document.addEventListener('pointerdown', (event) => {
    const image = view.scale > 1 && event.button === 0 && event.pointerType !== 'touch' && pictureOf(event);
    dragged = false;
    grip = image && { image, at: [event.clientX, event.clientY], x: view.x, y: view.y };
}, true);

document.addEventListener('pointermove', (event) => {
    if (!grip) return;
    const [dx, dy] = [event.clientX - grip.at[0], event.clientY - grip.at[1]];
    dragged ||= Math.hypot(dx, dy) > DRAG_PX;
    if (!dragged) return;
    const box = grip.image.getBoundingClientRect();
    look(view.scale, grip.x - dx / box.width, grip.y - dy / box.height);
});

for (const end of ['pointerup', 'pointercancel']) document.addEventListener(end, () => { grip = null; }, true);

// A drag is no click on the pixel where it ends. Gradio itself would take another pixel in a picture that is shown
// larger than it is, zoomed or on the whole screen.
document.addEventListener('click', (event) => {
    const image = pictureOf(event);
    if (image && (dragged || (image.closest('#stage') && pick(event, image)))) event.stopPropagation();
    dragged = false;
}, true);

document.addEventListener('keydown', (event) => {
    if (event.altKey || event.ctrlKey || event.metaKey || event.target.closest?.(TYPED)) return;
    if (!document.querySelector('#stage')?.offsetParent) return;
    if (event.key === '+' || event.key === '=') zoom(1.5);
    else if (event.key === '-') zoom(1 / 1.5);
    else if (event.key === '0') look(1, 0, 0);
});

// Gradio changes attributes of what is there already.
new MutationObserver(load).observe(element, { childList: true, subtree: true, attributeFilter: ['src'] });
load();
