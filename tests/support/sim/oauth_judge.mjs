// npm's oidc-provider as an authorization server for one client, which gets tokens for itself (RFC 6749 section 4.4).
// node oauth_judge.mjs MODULES PORT SECRET WAY   prints "ready" when it listens. WAY: client_secret_basic or _post.
const [modules, port, secret, way] = process.argv.slice(2);
const { Provider } = await import(`${modules}/oidc-provider/lib/index.js`);

const provider = new Provider(`http://127.0.0.1:${port}`, {
  clients: [
    {
      client_id: "doors",
      client_secret: secret,
      grant_types: ["client_credentials"],
      redirect_uris: [],
      response_types: [],
      token_endpoint_auth_method: way,
      scope: "sims",
    },
  ],
  features: { clientCredentials: { enabled: true } },
  scopes: ["sims"],
  ttl: { ClientCredentials: 600 },
  cookies: { keys: ["a key of the tests"] },
});
provider.listen(Number(port), "127.0.0.1", () => console.log("ready"));
