import { request } from "node:https";
import type { LookupFunction } from "node:net";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { createDialGuard, guardedLookup, type Interfaces } from "./dial-guard.js";
import { createTestAuthority } from "./tls-server.test.util.js";

const mayDial = createDialGuard(() => ({}));

const closed: readonly (readonly [string, readonly string[]])[] = [
  ["unspecified", ["0.0.0.0", "0.1.2.3", "::", "0:0:0:0:0:0:0:0"]],
  ["loopback", ["127.0.0.1", "127.255.255.254", "::1"]],
  ["private", ["10.0.0.1", "172.16.0.1", "172.31.255.254", "192.168.1.1"]],
  ["shared by carriers", ["100.64.0.1", "100.127.255.254"]],
  [
    "link-local and metadata services",
    ["169.254.0.1", "169.254.169.254", "169.254.170.2", "fe80::1", "fe80::1%eth0", "febf::1"],
  ],
  ["unique local", ["fc00::1", "fd00:ec2::254", "fdff::1"]],
  ["site-local", ["fec0::1"]],
  [
    "mapped",
    ["::ffff:127.0.0.1", "::ffff:7f00:1", "::ffff:10.0.0.1", "::ffff:169.254.169.254", "::FFFF:8.8.8.8"],
  ],
  ["compatible", ["::127.0.0.1", "::7f00:1", "::a00:1"]],
  ["translated", ["::ffff:0:127.0.0.1"]],
  ["NAT64", ["64:ff9b::7f00:1", "64:ff9b::10.0.0.1", "64:ff9b:1::7f00:1"]],
  ["6to4 and Teredo", ["2002:7f00:1::", "2001:0:4136:e378:8000:63bf:3fff:fdd2"]],
  ["protocol assignments", ["192.0.0.1", "192.0.0.170", "192.88.99.1", "2001:2::1", "2001:20::1"]],
  ["documentation", ["192.0.2.1", "198.51.100.1", "203.0.113.1", "2001:db8::1", "3fff::1"]],
  ["benchmarks and answering proxies", ["198.18.0.1", "198.19.255.254"]],
  ["multicast", ["224.0.0.1", "239.255.255.250", "ff02::1", "ff0e::1"]],
  ["reserved and broadcast", ["240.0.0.1", "255.255.255.255", "100::1", "5f00::1"]],
  ["no address at all", ["", "localhost", "127.1", "2130706433", "0x7f000001", "1.2.3.4.5", "[::1]", "::1%"]],
];

for (const [kind, addresses] of closed) {
  test(`never dialled: ${kind}`, () => {
    assert.equal(
      addresses.filter((address) => mayDial(address)),
      [],
    );
  });
}

test("control: public addresses are dialled, next to each closed range", () => {
  const open = [
    "1.1.1.1",
    "8.8.8.8",
    "9.255.255.255",
    "11.0.0.0",
    "100.63.255.255",
    "100.128.0.0",
    "126.255.255.255",
  ];
  const next = [
    "128.0.0.1",
    "169.253.255.255",
    "172.15.255.255",
    "172.32.0.0",
    "192.167.255.255",
    "192.169.0.0",
  ];
  const last = [
    "198.17.255.255",
    "198.20.0.0",
    "223.255.255.255",
    "2001:200::1",
    "2001:4860:4860::8888",
    "2606:4700::1111",
    "2a00::1",
  ];
  assert.equal(
    [...open, ...next, ...last].filter((address) => !mayDial(address)),
    [],
  );
});

test("networks that the machine is in are closed, public or not", () => {
  const own: Interfaces = () => ({
    eth0: [
      { address: "198.41.0.4", cidr: "198.41.0.4/24", family: "IPv4", netmask: "", mac: "", internal: false },
      {
        address: "2a01:4f8::1",
        cidr: "2a01:4f8::1/128",
        family: "IPv6",
        netmask: "",
        mac: "",
        internal: false,
        scopeid: 0,
      },
    ],
    tun0: [{ address: "9.9.9.9", cidr: "9.9.9.9/0", family: "IPv4", netmask: "", mac: "", internal: false }],
    down0: [{ address: "8.8.4.4", cidr: null, family: "IPv4", netmask: "", mac: "", internal: false }],
    lo: [
      { address: "::1", cidr: "::1/128", family: "IPv6", netmask: "", mac: "", internal: true, scopeid: 0 },
    ],
    gone: undefined,
  });
  const guard = createDialGuard(own);
  const neighbours = ["198.41.0.4", "198.41.0.200", "2a01:4f8::1", "2a01:4f8::ffff"];
  assert.equal(neighbours.map(guard), [false, false, false, false]);
  assert.equal(
    neighbours.map(mayDial),
    [true, true, true, true],
    "control: without the interfaces they are open",
  );
  assert.equal(["198.41.1.4", "8.8.8.8", "2a01:4f8:0:1::1"].map(guard), [true, true, true]);
});

const authority = createTestAuthority("client.example");
const server = await authority.serve((_, res) => res.end("reached"));
test.after(() => server.close());

function get(lookup: LookupFunction): Promise<string> {
  return new Promise((resolve, reject) => {
    const options = { host: authority.host, port: server.port, ca: authority.ca, lookup, agent: false };
    request(options, (res) => res.setEncoding("utf8").on("data", resolve))
      .on("error", reject)
      .end();
  });
}

const refusedBy = (lookup: LookupFunction): Promise<string> =>
  get(lookup).then(
    () => "reached",
    (error: Error) => error.message,
  );

for (const address of ["127.0.0.1", "0.0.0.0", "::ffff:127.0.0.1"]) {
  test(`a name at ${address} is not dialled; without the guard it is`, async () => {
    const before = server.dialled();
    assert.match(
      await refusedBy(guardedLookup(async () => [address], createDialGuard())),
      "not a public address",
    );
    assert.is(server.dialled(), before);
    assert.is(
      await get(
        guardedLookup(
          async () => [address],
          () => true,
        ),
      ),
      "reached",
    );
  });
}

test("one private address refuses the whole answer", async () => {
  const before = server.dialled();
  const lookup = guardedLookup(async () => ["8.8.8.8", "127.0.0.1"], createDialGuard());
  assert.match(await refusedBy(lookup), "127.0.0.1");
  assert.is(server.dialled(), before);
});

/** Answers the address that is allowed first, and from then on the one that is not. */
function rebinding(): () => Promise<string[]> {
  let calls = 0;
  return async () => [calls++ === 0 ? "0.0.0.0" : "127.0.0.1"];
}

test("a name that moves after the check gains nothing", async () => {
  const onlyFirst = (address: string): boolean => address === "0.0.0.0";
  const resolve = rebinding();
  const lookup = guardedLookup(resolve, onlyFirst);
  assert.is(await get(lookup), "reached");
  assert.match(await refusedBy(lookup), "127.0.0.1");

  // Control: a check of its own before the dial, which looks the name up again.
  const checkedBefore = rebinding();
  assert.ok((await checkedBefore()).every(onlyFirst));
  const dialled: string[] = [];
  const unguarded = guardedLookup(checkedBefore, (address) => dialled.push(address) > 0);
  assert.is(await get(unguarded), "reached");
  assert.equal(dialled, ["127.0.0.1"]);
});

test("both forms of lookup get the answer, and its errors", async () => {
  const lookup = guardedLookup(
    async () => ["1.1.1.1", "2606:4700::1111"],
    () => true,
  );
  const call = (all: boolean): Promise<unknown[]> =>
    new Promise((resolve) => lookup("client.example", { all }, (...answer) => resolve(answer)));
  assert.equal(await call(false), [null, "1.1.1.1", 4]);
  assert.equal(await call(true), [
    null,
    [
      { address: "1.1.1.1", family: 4 },
      { address: "2606:4700::1111", family: 6 },
    ],
  ]);
  assert.match(
    await refusedBy(
      guardedLookup(
        async () => [],
        () => true,
      ),
    ),
    "no address",
  );
  assert.match(
    await refusedBy(
      guardedLookup(
        () => Promise.reject(new Error("servfail")),
        () => true,
      ),
    ),
    "servfail",
  );
});

test.run();
