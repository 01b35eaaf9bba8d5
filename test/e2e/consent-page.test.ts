// time limit: 180 s
import type { IncomingHttpHeaders } from "node:http";
import { join } from "node:path";
import type { BrowserContextOptions, Page } from "playwright-core";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { clientWith, password } from "../../internal/auth/oauth/authorize.test.util.js";
import { type ConsentStage, openConsentStage } from "../support/consent-stage.js";

const desktop = { viewport: { width: 1280, height: 800 } };
const phone = { viewport: { width: 390, height: 844 }, isMobile: true, hasTouch: true, deviceScaleFactor: 2 };
const smallest = { viewport: { width: 320, height: 568 }, isMobile: true, hasTouch: true };

const clients = [
  clientWith({
    id: "claude",
    name: "Claude",
    redirectUris: ["https://claude.ai/api/mcp/auth_callback"],
  }),
  clientWith({
    id: "https://tool.example/client.json",
    kind: "document",
    name: "A tool",
    redirectUris: ["http://localhost/callback"],
  }),
  clientWith({
    id: "cursor",
    name: "Cursor",
    redirectUris: ["cursor://anysphere.cursor-mcp/oauth/callback"],
  }),
  clientWith({ id: "hostile", name: `<img src=x onerror="document.title='owned'">${"W".repeat(150)}` }),
];

let stage: ConsentStage;

test.before(async () => {
  stage = await openConsentStage(clients);
});

test.after(() => stage.close());

test.before.each(() => {
  stage.tamper({});
  stage.desk.consents.length = 0;
});

async function withPage(
  run: (page: Page) => Promise<void>,
  options: BrowserContextOptions = desktop,
): Promise<void> {
  const context = await stage.context(options);
  try {
    await run(await context.newPage());
  } finally {
    await context.close();
  }
}

const atCallback = (url: URL): boolean => url.origin === stage.app && url.pathname === "/callback";

async function allow(page: Page): Promise<void> {
  await page.getByLabel("Owner password").fill(password);
  await page.getByRole("button", { name: "Allow" }).click();
}

/** The answer that reached the callback. */
async function arrival(page: Page): Promise<URLSearchParams> {
  await page.waitForURL(atCallback);
  return new URL(page.url()).searchParams;
}

for (const [device, options] of Object.entries({ desktop, phone })) {
  test(`on a ${device}, without a script, the owner allows and the app gets its code`, () =>
    withPage(
      async (page) => {
        await page.goto(stage.link());
        assert.match(
          (await page.getByRole("main").textContent()) ?? "",
          /Notes helper[\s\S]*unverified name[\s\S]*app\.test/,
        );
        await page.getByLabel("docs").check();
        await allow(page);
        const answer = await arrival(page);
        assert.is(answer.get("code"), "code-1");
        assert.is(answer.get("state"), "state-1");
        assert.is(answer.get("iss"), stage.site.origin);
        assert.equal(stage.desk.consents[0]?.workspaces, ["app", "docs"]);
      },
      { ...options, javaScriptEnabled: false },
    ));
}

test("the keyboard is enough", () =>
  withPage(async (page) => {
    await page.goto(stage.link());
    const focused = (): Promise<string> =>
      page.evaluate("document.activeElement.name + '=' + document.activeElement.value");
    const order: string[] = [];
    for (let turn = 0; turn < 5; turn++) {
      await page.keyboard.press("Tab");
      order.push(await focused());
      if (order.at(-1) === "workspace=docs") await page.keyboard.press("Space");
      if (order.at(-1) === "profile=read-only") await page.keyboard.press("ArrowDown");
    }
    assert.equal(order, ["workspace=app", "workspace=docs", "later=yes", "profile=read-only", "password="]);
    await page.keyboard.type(password);
    await page.keyboard.press("Enter");
    await arrival(page);
    assert.equal(stage.desk.consents[0]?.workspaces, ["app", "docs"]);
    assert.is(stage.desk.consents[0]?.profile, "full");
  }));

test("a wrong password shows why, keeps what was chosen and puts the cursor where it is needed", () =>
  withPage(async (page) => {
    await page.goto(stage.link());
    await page.getByLabel("docs").check();
    await page.getByLabel("Also change files").check();
    await page.getByLabel("Owner password").fill("wrong");
    await page.getByRole("button", { name: "Allow" }).click();
    assert.match((await page.getByRole("alert").textContent()) ?? "", /password is wrong/);
    assert.ok(await page.getByLabel("docs").isChecked());
    assert.ok(await page.getByLabel("Also change files").isChecked());
    assert.is(await page.getByLabel("Owner password").inputValue(), "");
    assert.is(await page.evaluate("document.activeElement.id"), "password");
    await allow(page);
    assert.ok((await arrival(page)).has("code"));
  }));

test("deny needs no password", () =>
  withPage(async (page) => {
    await page.goto(stage.link());
    await page.getByRole("button", { name: "Deny" }).click();
    await page.getByRole("heading", { name: "Not allowed" }).waitFor();
    await page.getByRole("link").click();
    assert.is((await arrival(page)).get("error"), "access_denied");
    assert.equal(stage.desk.consents, []);
  }));

test("the form-action rule: a redirect in answer to the form would never arrive", () =>
  withPage(async (page) => {
    stage.tamper({
      reply: (reply) =>
        reply.body.includes('http-equiv="refresh"')
          ? { status: 302, headers: { Location: `${stage.app}/callback?code=x` }, body: "" }
          : reply,
    });
    await page.goto(stage.link());
    const refused = page.waitForEvent("console", (message) => /form-action/.test(message.text()));
    await allow(page);
    await refused;
    assert.is(new URL(page.url()).origin, stage.site.origin);
  }));

test("with Referrer-Policy no-referrer the form would come without its origin", () =>
  withPage(async (page) => {
    const origins: (string | undefined)[] = [];
    const request = (headers: IncomingHttpHeaders): IncomingHttpHeaders => {
      origins.push(headers.origin);
      return headers;
    };
    stage.tamper({ request });
    await page.goto(stage.link());
    await allow(page);
    await arrival(page);
    assert.is(origins.at(-1), stage.site.origin);

    stage.tamper({
      request,
      reply: (reply) => ({ ...reply, headers: { ...reply.headers, "Referrer-Policy": "no-referrer" } }),
    });
    await page.goto(stage.link());
    await allow(page);
    await page.getByRole("alert").waitFor();
    assert.is(origins.at(-1), "null");
  }));

test("a popup keeps the tie to the app that opened it; an opener policy would cut it", async () => {
  const told = async (): Promise<string> => {
    const context = await stage.context();
    const page = await context.newPage();
    await page.goto(`${stage.app}/popup?url=${encodeURIComponent(stage.link())}`);
    const opened = page.waitForEvent("popup");
    await page.getByRole("button").click();
    const popup = await opened;
    await allow(popup);
    await popup.waitForURL(atCallback);
    const title = await page.title();
    await context.close();
    return title;
  };
  assert.match(await told(), /^Told \?code=/);
  stage.tamper({
    reply: (reply) => ({
      ...reply,
      headers: { ...reply.headers, "Cross-Origin-Opener-Policy": "same-origin" },
    }),
  });
  assert.is(await told(), "App");
});

test("a consent begun in one browser cannot be completed in another", async () => {
  const victim = await stage.context();
  const page = await victim.newPage();
  let cookie: string | undefined;
  await withPage(async (attacker) => {
    await attacker.goto(stage.link());
    cookie = (await attacker.context().cookies()).map(({ name, value }) => `${name}=${value}`).join("; ");
    const form = await attacker.locator("form").innerHTML();
    await page.goto(stage.link());
    const plant = `document.querySelector("form").innerHTML = ${JSON.stringify(form)}`;
    await page.evaluate(plant);
    await allow(page);
    assert.match((await page.getByRole("alert").textContent()) ?? "", /check everything/);
    assert.equal(stage.desk.consents, []);

    stage.tamper({ request: (headers) => ({ ...headers, cookie }) });
    await page.evaluate(plant);
    await allow(page);
    await arrival(page);
    assert.is(stage.desk.consents.length, 1, "control: were every browser the same, it would be");
  });
  await victim.close();
});

test("the cookie is for this host alone, hidden from scripts, and not sent along from elsewhere", () =>
  withPage(async (page) => {
    await page.goto(stage.link());
    const [cookie] = await page.context().cookies();
    const { name, secure, httpOnly, sameSite, path, domain } = cookie ?? {};
    assert.equal(
      { name, secure, httpOnly, sameSite, path, domain },
      { name: "__Host-ctmcp", secure: true, httpOnly: true, sameSite: "Lax", path: "/", domain: "mcp.test" },
    );
  }));

test("the page shows in no frame", () =>
  withPage(async (page) => {
    const framed = async (): Promise<number> => {
      await page.goto(`${stage.app}/frame?url=${encodeURIComponent(stage.link())}`);
      return page.frameLocator("iframe").getByRole("button", { name: "Allow" }).count();
    };
    assert.is(await framed(), 0);
    stage.tamper({
      reply: ({ headers: { "X-Frame-Options": _, ...headers }, ...reply }) => ({
        ...reply,
        headers: {
          ...headers,
          "Content-Security-Policy": (headers["Content-Security-Policy"] ?? "").replace(
            "frame-ancestors 'none'",
            "",
          ),
        },
      }),
    });
    assert.is(await framed(), 1, "control: without the two headers it does");
  }));

/** Everything that an owner may be shown, with what to do to see it. */
const views: Readonly<Record<string, (page: Page) => Promise<unknown>>> = {
  consent: (page) => page.goto(stage.link()),
  "consent-claude": (page) =>
    page.goto(stage.link({ client_id: "claude", redirect_uri: "https://claude.ai/api/mcp/auth_callback" })),
  "consent-device": (page) =>
    page.goto(
      stage.link({
        client_id: "https://tool.example/client.json",
        redirect_uri: "http://localhost:50123/callback",
      }),
    ),
  "consent-app": (page) =>
    page.goto(
      stage.link({ client_id: "cursor", redirect_uri: "cursor://anysphere.cursor-mcp/oauth/callback" }),
    ),
  "consent-hostile": (page) =>
    page.goto(stage.link({ client_id: "hostile", redirect_uri: "https://app.example/callback" })),
  wrong: async (page) => {
    await page.goto(stage.link());
    await page.getByLabel("All folders").check();
    await page.getByLabel("Owner password").fill("wrong");
    await page.getByRole("button", { name: "Allow" }).click();
    await page.getByRole("alert").waitFor();
  },
  denied: async (page) => {
    await page.goto(stage.link());
    await page.getByRole("button", { name: "Deny" }).click();
    await page.getByRole("heading", { name: "Not allowed" }).waitFor();
  },
  allowed: async (page) => {
    await page.goto(
      stage.link({ client_id: "cursor", redirect_uri: "cursor://anysphere.cursor-mcp/oauth/callback" }),
    );
    await allow(page);
    await page.getByRole("heading", { name: "Allowed" }).waitFor();
  },
  refused: (page) => page.goto(stage.link({ response_type: "token" })),
  "unknown-client": (page) => page.goto(stage.link({ client_id: "gone" })),
  "wrong-redirect": (page) => page.goto(stage.link({ redirect_uri: "https://evil.test/" })),
};

/** A folder to leave pictures of every page in, to be looked at. */
const pictures = process.env.CTMCP_TEST_PICTURES;

for (const [name, show] of Object.entries(views)) {
  for (const [device, options] of Object.entries({ desktop, smallest })) {
    test(`${name} fits a ${device} screen, and its words stand out in light and dark`, () =>
      withPage(async (page) => {
        await show(page);
        assert.is.not(await page.title(), "owned");
        assert.ok(
          await page.evaluate("document.documentElement.scrollWidth <= innerWidth"),
          "nothing sticks out",
        );
        for (const colorScheme of ["light", "dark"] as const) {
          await page.emulateMedia({ colorScheme });
          assert.equal(await page.evaluate(weakTexts), [], `${colorScheme}: WCAG 2.2 contrast of 4.5`);
          if (pictures === undefined) continue;
          const path = join(pictures, `${name}-${device}-${colorScheme}.png`);
          await page.screenshot({ path, fullPage: true });
        }
      }, options));
  }
}

/** In the page: texts whose colour is too near the ground behind them. */
const weakTexts = `(() => {
  const parts = (color) => color.match(/[\\d.]+/g).map(Number);
  const light = ([r, g, b]) => [r, g, b].map((v) => v / 255)
    .map((v) => v <= .04045 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4)
    .reduce((sum, v, i) => sum + v * [.2126, .7152, .0722][i], 0);
  const ground = (el) => {
    const color = parts(getComputedStyle(el).backgroundColor);
    return color[3] === 0 && el.parentElement ? ground(el.parentElement) : color;
  };
  return [...document.querySelectorAll("main *")]
    .filter((el) => [...el.childNodes].some((node) => node.nodeType === 3 && node.data.trim()))
    .filter((el) => {
      const [a, b] = [light(parts(getComputedStyle(el).color)), light(ground(el))];
      return (Math.max(a, b) + .05) / (Math.min(a, b) + .05) < 4.5;
    })
    .map((el) => el.textContent.trim());
})()`;

test.run();
