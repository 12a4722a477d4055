// The page of the running app, by what a person sees of it: names of buttons, labels of fields, text.
import assert from 'node:assert/strict';
import { By } from 'selenium-webdriver';
import { until } from './machine.mjs';

const visible = async (element) => (await element.isDisplayed().catch(() => false)) && element;

/** What can be done with the page that `machine` shows now. */
export function pageOf(machine) {
  /** The first visible element whose role-bearing tag shows or is labelled with exactly `name`. */
  async function named(tag, name) {
    const quoted = `"${name}"`;
    const path = `//${tag}[normalize-space(.)=${quoted} or @aria-label=${quoted} or .//*[normalize-space(text())=${quoted}]]`;
    for (const element of await machine.browser.findElements(By.xpath(path))) {
      if (await visible(element)) return element;
    }
    return undefined;
  }

  async function click(tag, name, seconds = 20) {
    const element = await until(`a ${tag} “${name}” that can be clicked`, seconds, async () => {
      const found = await named(tag, name);
      return found && (await found.isEnabled()) && found;
    });
    await element.click();
  }

  async function fill(label, text) {
    const field = await until(`a field “${label}”`, 20, async () => {
      const path = `//label[.//*[normalize-space(text())="${label}"] or normalize-space(text())="${label}"]`;
      for (const found of await machine.browser.findElements(By.xpath(path))) {
        const id = await found.getAttribute('for');
        const inputs = id ? await machine.browser.findElements(By.id(id)) : await found.findElements(By.css('input, textarea'));
        for (const input of inputs) if (await visible(input)) return input;
      }
      return undefined;
    });
    await field.clear();
    await field.sendKeys(text);
  }

  /** Clicks the button that sends the form on top: of the dialog, if one is open. */
  async function submit() {
    const button = await until('a form that can be sent', 10, async () => {
      for (const where of ['dialog[open]', 'main']) {
        for (const found of await machine.browser.findElements(By.css(`${where} button[type=submit]`))) {
          if ((await visible(found)) && (await found.isEnabled())) return found;
        }
      }
      return undefined;
    });
    await button.click();
  }

  const pageText = () => machine.browser.executeScript('return document.body.innerText');
  const shows = (text, seconds = 20) =>
    until(`the page shows ${text}`, seconds, async () =>
      text instanceof RegExp ? text.test(await pageText()) : (await pageText()).includes(text),
    );
  const press = (...keys) =>
    machine.browser
      .actions()
      .sendKeys(...keys)
      .perform();

  /** Calls a command of the app as the page does. */
  const command = (name, args = {}) =>
    machine.browser.executeAsyncScript(
      `const done = arguments[2];
       window.__TAURI_INTERNALS__.invoke(arguments[0], arguments[1]).then((value) => done({ value }), (error) => done({ error }));`,
      name,
      args,
    );

  /** The same, when anything but success ends the run. */
  const must = async (name, args) => {
    const { value, error } = await command(name, args);
    assert.equal(error, undefined, `${name}: ${JSON.stringify(error)}`);
    return value;
  };

  /** An account of that name on the machine's server. */
  const register = (name) =>
    must('register', {
      address: machine.url,
      name,
      email: `${name.toLowerCase()}@example.org`,
      password: 'correct horse battery staple',
      invitation: null,
    });

  /** Goes to a place of the app, such as `#/inbox`. */
  const go = (place) => machine.browser.executeScript(`location.hash = arguments[0]`, place);

  return { named, click, fill, submit, text: pageText, shows, press, command, must, register, go };
}
