// The address: every tab has one of its own, so that Back, Forward, a reload and a shared link reach the same state.
// `window.writeAddress(params, push, tab)` merges `params` (null takes a key away) into a tab's; the address bar shows
// that of the tab on screen. A visitor's act that changes one of `STEPS` makes an entry of the browser's history; what
// follows from it by itself changes that entry.
const STEPS = ['data', 'frame', 'upload', 'weights', 'modality', 'class', 'cell', 'part', 'run_a', 'run_b'];
// These always stand in an address that the page wrote: one that is added to a link is no step.
const FILLED = ['data', 'frame', 'weights', 'modality'];
// What the server answers to in Inspect; the viewer reads the rest of the address itself.
const FRAME = ['data', 'frame', 'upload', 'weights', 'modality'];
const NAMES = { inspect: 'Inspect', compare: 'Compare', dataset: 'Data set', about: 'About' };
const OURS = new Set([...STEPS, 'tab', 'layer', 'wipe', 'opacity', 'contours', 'boxes', 'names', 'min_confidence', 'pixel',
                      'sensor', 'scene', 'order', 'property', 'overlay', 'given']);

const asked = () => new URLSearchParams(location.search);
const tabOf = (query) => (query.get('tab') in NAMES ? query.get('tab') : 'inspect');
let shown = tabOf(asked());
const kept = { [shown]: asked() };
let acted = false;
// Where Back or Forward leads to: until the page is there, what follows from where it was is not written.
let awaited = null;
window.addressReached = (search) => { if (search === awaited) awaited = null; };

for (const act of ['pointerdown', 'keydown', 'drop', 'paste'])
    document.addEventListener(act, () => { acted = true; awaited = null; }, true);

function title(query) {
    const subject = shown === 'about' ? null : query.get('upload') ? 'upload' : query.get('frame') ?? query.get('data');
    document.title = [subject, NAMES[shown], 'DeResUNet'].filter(Boolean).join(' · ');
}

function write(step) {
    const query = new URLSearchParams();
    for (const [key, value] of asked()) if (!OURS.has(key)) query.set(key, value);  // Gradio's own
    for (const [key, value] of kept[shown] ?? []) if (OURS.has(key)) query.set(key, value);
    if (shown === 'compare' && kept.inspect)  // which compares on the frame of Inspect
        for (const key of ['data', 'frame', 'upload']) {
            if (kept.inspect.has(key)) query.set(key, kept.inspect.get(key));
            else query.delete(key);
        }
    if (shown !== 'inspect') query.set('tab', shown);
    else query.delete('tab');
    query.sort();
    const text = query.toString();
    title(query);
    if (text === asked().toString()) return;
    history[step && acted ? 'pushState' : 'replaceState'](history.state, '', `${location.pathname}${text && '?'}${text}`);
    if (step) acted = false;
}

window.writeAddress = (params, push = false, tab = 'inspect') => {
    const before = kept[tab] ?? new URLSearchParams(), after = new URLSearchParams(before);
    for (const [key, value] of Object.entries(params)) {
        if (value === null || value === undefined || value === '') after.delete(key);
        else after.set(key, value);
    }
    if (awaited !== null && !acted) return;
    kept[tab] = after;
    const changed = (key) => (before.get(key) ?? (FILLED.includes(key) ? after.get(key) : null)) !== after.get(key);
    if (tab === shown) write(STEPS.some(changed));
    else if (shown === 'compare' && tab === 'inspect') write(false);
};

// A page is mounted with its first tab, before the server selects that of the address.
let settled = shown === 'inspect';
window.showTab = (tab) => {
    settled ||= acted || tab === shown;
    if (!settled || tab === shown) return;
    shown = tab;
    write(true);
};

addEventListener('popstate', () => {
    acted = false;
    const query = asked(), tab = tabOf(query);
    const same = window.viewers && tab === shown && tab === 'inspect' && FRAME.every((key) => query.get(key) === kept[tab]?.get(key));
    [shown, kept[tab]] = [tab, query];
    title(query);
    awaited = same ? null : location.search;
    if (!same) trigger('select', { index: 0, value: null });
    if (tab === 'inspect') window.viewers?.viewer?.fromAddress();
});
title(asked());
