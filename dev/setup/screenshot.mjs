// Takes one picture; started by screenshot.py with the task as JSON.
import {createRequire} from "node:module";

const require = createRequire(`${process.env.AVOIR_NODE_MODULES}/`);
const {chromium} = require("playwright-core");
const task = JSON.parse(process.argv[2]);
const [width, height] = task.size.split("x").map(Number);

const browser = await chromium.launch({
    executablePath: task.browser,
    args: ["--no-sandbox", "--disable-gpu", "--disable-background-networking"],
});

// Odoo keeps connections open, so "networkidle" never comes: wait for what is shown.
async function settled(page) {
    await page.waitForLoadState("load");
    await page
        .waitForFunction(
            () =>
                !document.querySelector(".o_web_client") ||
                document.querySelector(".o_action, .o_home_menu, .o_dialog"),
            null,
            {timeout: 15000}
        )
        .catch(() => {});
    await page.waitForTimeout(700);
}

async function logIn(page) {
    const url = new URL(task.url);
    await page.goto(new URL("/web/login", url).href);
    await page.fill("input[name=login]", task.login);
    await page.fill("input[name=password]", task.password);
    await page.press("input[name=password]", "Enter");
    await page.waitForURL((now) => !now.pathname.startsWith("/web/login"));
}

const actions = {
    click: (page, css) => page.locator(css).first().click(),
    hover: (page, css) => page.locator(css).first().hover(),
    wait: (page, css) => page.locator(css).first().waitFor(),
    press: (page, key) => page.keyboard.press(key),
    pause: (page, milliseconds) => page.waitForTimeout(Number(milliseconds)),
    goto: (page, url) => page.goto(new URL(url, task.url).href),
    fill: (page, text) => {
        const at = text.lastIndexOf("=");
        return page
            .locator(text.slice(0, at))
            .first()
            .fill(text.slice(at + 1));
    },
};

try {
    const page = await browser.newPage({
        viewport: {width, height},
        deviceScaleFactor: task.scale,
    });
    page.setDefaultTimeout(task.timeout * 1000);
    if (task.login) await logIn(page);
    await page.goto(task.url);
    await settled(page);
    for (const [name, value] of task.steps) {
        await actions[name](page, value);
        await settled(page);
    }
    const picture = {path: task.out, fullPage: task.full, animations: "disabled"};
    if (task.element) await page.locator(task.element).first().screenshot(picture);
    else await page.screenshot(picture);
} catch (error) {
    console.error(String(error.message).split("\n").slice(0, 6).join("\n"));
    process.exitCode = 1;
} finally {
    await browser.close();
}
