// A real OpenID provider, npm's oidc-provider, for one client: ours. Anybody signs in, under the name that they type.
// node openid_judge.mjs MODULES PORT RETURN_URL GROUPS_FILE   prints "ready" when it listens.
import { readFileSync } from "node:fs";

const [modules, port, returnUrl, groupsFile] = process.argv.slice(2);
const { Provider } = await import(`${modules}/oidc-provider/lib/index.js`);

const provider = new Provider(`http://127.0.0.1:${port}`, {
  clients: [{ client_id: "engage", client_secret: "a secret of the tests", redirect_uris: [returnUrl] }],
  pkce: { required: () => true },
  claims: { openid: ["sub"], profile: ["preferred_username"], groups: ["groups"] },
  conformIdTokenClaims: false, // groups stand in the ID token
  findAccount: (_context, id) => ({
    accountId: id,
    claims: () => ({ sub: id, preferred_username: id, groups: JSON.parse(readFileSync(groupsFile, "utf8"))[id] }),
  }),
  cookies: { keys: ["a key of the tests"] },
});
provider.listen(Number(port), "127.0.0.1", () => console.log("ready"));
