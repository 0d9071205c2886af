/** Finding and making elements. Text only ever becomes text: nothing in this page writes HTML. */

/**
 * The only element of a selector. A page without it is broken, which should not go unnoticed.
 *
 * @template {Element} T
 * @param {string} selector
 * @param {new () => T} type
 * @param {ParentNode} [parent]
 * @returns {T}
 */
export function find(selector, type, parent = document) {
  const element = parent.querySelector(selector);
  if (element instanceof type) return element;
  throw new Error(`There is no ${selector}.`);
}

/** A new element from the template of an id. @param {string} id @returns {HTMLElement} */
export function make(id) {
  const content = find(`#${id}`, HTMLTemplateElement).content;
  return /** @type {HTMLElement} */ (find("*", HTMLElement, content).cloneNode(true));
}

/**
 * Set the text of an element, if it differs: screen readers read out what changes.
 *
 * @param {Element} element
 * @param {string} text
 */
export function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

/**
 * Show a dialog until it is closed.
 *
 * The browser keeps the focus inside, and gives it back afterwards.
 *
 * @param {HTMLDialogElement} dialog
 * @returns {Promise<boolean>} whether it was closed with its button "save"
 */
export function ask(dialog) {
  dialog.returnValue = "";
  find("[name=close]", HTMLButtonElement, dialog).onclick = () => dialog.close();
  dialog.showModal();
  return new Promise((resolve) => {
    dialog.addEventListener("close", () => resolve(dialog.returnValue === "save"), { once: true });
  });
}
