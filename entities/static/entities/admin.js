"use strict";
(() => {
    // A second click on a slow answer would send the form twice, and the first text be lost.
    for (const form of document.querySelectorAll("form[data-entities-once]")) {
        let sent = false;
        form.addEventListener("submit", (event) => {
            if (sent) {
                event.preventDefault();
            }
            sent = true;
        });
        // Back from the next page: the form can be sent again, and the service decides.
        window.addEventListener("pageshow", () => {
            sent = false;
        });
    }

    const select = (element) => {
        const selection = window.getSelection();
        selection.removeAllRanges();
        const range = document.createRange();
        range.selectNodeContents(element);
        selection.addRange(range);
    };

    // The clipboard needs a secure context; a service on plain HTTP has the older way only.
    const copy = async (element) => {
        try {
            await navigator.clipboard.writeText(element.textContent);
            return true;
        } catch {
            select(element);
            return document.execCommand("copy");
        }
    };

    for (const button of document.querySelectorAll("[data-entities-copy]")) {
        const text = document.getElementById(button.dataset.entitiesCopy);
        const status = button.parentElement.querySelector('[role="status"]');
        button.hidden = false;
        button.addEventListener("click", async () => {
            const copied = await copy(text);
            status.textContent = "";
            // Emptied first, so that a second press is announced as well.
            setTimeout(() => {
                status.textContent = copied ? button.dataset.entitiesCopied : button.dataset.entitiesUncopied;
            }, 50);
        });
        // A browser may keep the page for its back button: it keeps it without the text.
        window.addEventListener("pagehide", () => {
            text.textContent = "";
        });
    }

    // The autocompletion is a jQuery widget without a name: it takes that of its field's label.
    const name = () => {
        for (const chooser of document.querySelectorAll("select.admin-autocomplete")) {
            const label = document.querySelector(`label[for="${CSS.escape(chooser.id)}"]`);
            const box = chooser.nextElementSibling;
            const parts = box?.querySelectorAll("[role=combobox], [role=textbox], [role=searchbox], ul");
            for (const part of parts ?? []) {
                part.setAttribute("aria-label", label?.textContent.trim() ?? "");
                part.removeAttribute("aria-labelledby");
            }
        }
    };
    window.django?.jQuery?.(() => setTimeout(name));

    // Buttons that put flags into the text area above them, and take them out.
    for (const group of document.querySelectorAll("[data-entities-offers]")) {
        const area = document.getElementById(group.dataset.entitiesOffers);
        const typed = () => area.value.split(/[\s,]+/).filter(Boolean);
        const draw = () => {
            const flags = typed();
            const buttons = group.querySelectorAll("button");
            for (const button of buttons) {
                button.setAttribute("aria-pressed", String(flags.includes(button.textContent)));
            }
            group.hidden = buttons.length === 0;
        };
        group.addEventListener("click", (event) => {
            const flag = event.target.closest("button")?.textContent;
            if (flag) {
                const flags = typed();
                const others = flags.filter((each) => each !== flag);
                area.value = (others.length < flags.length ? others : [...flags, flag]).join("\n");
                draw();
            }
        });
        area.addEventListener("input", draw);
        draw();
        const { entitiesOffersUrl: url, entitiesOffersBy: by } = group.dataset;
        if (!url) {
            continue;
        }
        const chooser = document.getElementById(by);
        const offer = async () => {
            const chosen = chooser.value;
            const answer = await fetch(`${url}?membership=${encodeURIComponent(chosen)}`);
            const { flags } = answer.ok ? await answer.json() : { flags: [] };
            if (chosen !== chooser.value) {
                return; // another was chosen meanwhile
            }
            group.replaceChildren(
                ...flags.map((flag) => {
                    const button = document.createElement("button");
                    button.type = "button";
                    button.className = "entities-flag";
                    button.textContent = flag;
                    return button;
                }),
            );
            draw();
        };
        // The autocompletion is a jQuery widget: its changes are no events of the page.
        window.django?.jQuery(chooser).on("change", offer);
        if (chooser.value) {
            offer();
        }
    }

    // The own date is asked for where an own date is chosen.
    const lifetimes = document.querySelectorAll("input[data-entities-own-date]");
    const date = document.querySelector(".form-row.field-expires_at");
    if (lifetimes.length > 0 && date) {
        const show = () => {
            const own = [...lifetimes].some(
                (radio) => radio.checked && radio.value === radio.dataset.entitiesOwnDate,
            );
            const filled = [...date.querySelectorAll("input")].some((input) => input.value);
            date.hidden = !(own || filled || date.querySelector(".errorlist"));
        };
        for (const radio of lifetimes) {
            radio.addEventListener("change", show);
        }
        show();
    }
})();
