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
})();
