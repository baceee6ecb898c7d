-- Asks the gate before a request goes on. HAProxy 2.6 or later.
local gate = "http://127.0.0.1:9700/check/original"
local identity = { "x-stile-sub", "x-stile-client", "x-stile-scope", "x-stile-acr", "x-stile-amr", "x-stile-auth-time" }
local carried = { "www-authenticate", "dpop-nonce", "retry-after", "content-type", "cache-control" }

local function first(headers, name)
  for _, value in pairs((headers or {})[name] or {}) do
    return value
  end
end

core.register_action("stile_gate", { "http-req" }, function(txn)
  local sent = txn.http:req_get_headers()
  local ask = {
    ["x-original-method"] = { txn.f:method() },
    ["x-original-uri"] = { txn.f:pathq() },
    ["x-forwarded-host"] = { first(sent, "host") },
    ["x-forwarded-proto"] = { first(sent, "x-forwarded-proto") },
    ["x-forwarded-for"] = { first(sent, "x-forwarded-for") },
  }
  for _, name in ipairs({ "authorization", "dpop" }) do
    local all = {}
    for _, value in pairs(sent[name] or {}) do
      table.insert(all, value)
    end
    -- As one field, however many there were: HAProxy's client has room for few.
    if #all > 0 then ask[name] = { table.concat(all, ", ") } end
  end
  local answer = core.httpclient():get({ url = gate, headers = ask, timeout = 2500 })
  for _, name in ipairs(identity) do
    txn.http:req_del_header(name)
  end
  if answer and answer.status == 200 then
    for _, name in ipairs(identity) do
      local value = first(answer.headers, name)
      if value and value ~= "" then txn.http:req_set_header(name, value) end
    end
    local nonce = first(answer.headers, "dpop-nonce")
    if nonce then txn:set_var("txn.stile_nonce", nonce) end
    txn:set_var("txn.stile_allowed", true)
    return
  end
  local known = answer and (answer.status == 400 or answer.status == 401 or answer.status == 403)
  local reply = txn:reply({ status = known and answer.status or 503 })
  for _, name in ipairs(carried) do
    local value = known and first(answer.headers, name)
    if value then reply:add_header(name, value) end
  end
  if not known then reply:add_header("retry-after", "2") end
  txn:done(reply)
end)
