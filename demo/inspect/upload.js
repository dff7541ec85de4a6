() => {
    // By a field's id: suffixes that it takes, whether any image goes, and what to give instead of another file.
    const FIELDS = __FIELDS__;
    const suffixOf = (file) => (file.name.toLowerCase().match(/\.[^.]*$/) || [''])[0];
    const fieldOf = (event) => event.target.closest?.(Object.keys(FIELDS).map((id) => `#${id}`).join(','));
    const inputOf = (field) => field.querySelector('input[type=file]');
    const isImage = (file) => file.type.startsWith('image/');

    // The element stands beside what Gradio writes into the notice, which it leaves alone.
    const say = (words) => {
        document.querySelector('#upload-refused')?.remove();
        if (!words) return;
        const box = document.createElement('div');
        box.id = 'upload-refused';
        box.className = 'notice';
        box.setAttribute('role', 'alert');
        box.textContent = words;
        document.querySelector('#upload-notice')?.append(box);
    };

    // Gradio drops files of a type that the browser does not know, such as IMG_0001.HEIC, without a word. Those of a
    // suffix that is taken get a type, and others are answered.
    const check = (event, field, files) => {
        const { suffixes, images, expected } = FIELDS[field.id];
        const taken = files.filter((file) => suffixes.includes(suffixOf(file)) || (images && isImage(file)));
        const others = files.filter((file) => !taken.includes(file)).map((file) => file.name);
        say(others.length ? `${others.join(', ')} is not taken here. Give ${expected}.` : '');
        if (event.type === 'change' && !others.length && (!images || taken.every(isImage))) return;
        event.preventDefault();
        event.stopImmediatePropagation();
        if (!taken.length) return;
        const [file] = taken;
        const typed = images && !isImage(file)
            ? new File([file], file.name, { type: `image/${suffixOf(file).slice(1)}` }) : file;
        const given = new DataTransfer();
        given.items.add(typed);
        inputOf(field).files = given.files;
        inputOf(field).dispatchEvent(new Event('change', { bubbles: true }));
    };

    document.addEventListener('change', (event) => {
        const field = fieldOf(event);
        if (field && event.target.type === 'file' && event.target.files.length) check(event, field, [...event.target.files]);
    }, true);
    document.addEventListener('drop', (event) => {
        const field = fieldOf(event), files = [...(event.dataTransfer?.files || [])];
        if (!field || !files.length || !inputOf(field)) return;
        event.target.dispatchEvent(new DragEvent('dragleave', { bubbles: true })); // its highlight goes
        check(event, field, files);
    }, true);
    // The picker offers suffixes in either case of letters beside the types that the browser knows.
    document.addEventListener('click', (event) => {
        const field = fieldOf(event), input = field && inputOf(field);
        if (!input) return;
        const { suffixes, images } = FIELDS[field.id];
        input.accept = [...(images ? ['image/*'] : []), ...suffixes, ...suffixes.map((one) => one.toUpperCase())].join();
    }, true);
    // A file that falls beside the fields would take the page's place in the browser.
    document.addEventListener('dragover', (event) => event.preventDefault());
    document.addEventListener('drop', (event) => {
        if (!event.dataTransfer?.files.length) return;
        event.preventDefault();
        say('Drop files on a field that says Upload or Drop File.');
    });
}
