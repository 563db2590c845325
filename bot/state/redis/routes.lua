-- Routes and the audit of their changes. KEYS[1] is the prefix; ARGV[1] names the command.
--
-- A change is recorded as JSON text without its `before`, which only this script knows,
-- and with it beside; the list has the ids, newest first.

local P = KEYS[1]
local ROUTES, CHANGES, ORDER = P .. ':routes', P .. ':changes', P .. ':changes:order'

local function recorded(id)
  local text = redis.call('HGET', CHANGES, id)
  return text and cjson.decode(text)
end

local function answer(change)
  return { change.body, change.scope, change.before, change.after, change.undoes }
end

local function apply(id, change)
  change.before = redis.call('HGET', ROUTES, change.scope) or ''
  if change.after == '' then
    redis.call('HDEL', ROUTES, change.scope)
  else
    redis.call('HSET', ROUTES, change.scope, change.after)
  end
  redis.call('HSET', CHANGES, id, cjson.encode(change))
  redis.call('LPUSH', ORDER, id)
  return answer(change)
end

local commands = {}

function commands.switch(id, body, scope, after)
  local done = recorded(id)
  if done then return answer(done) end
  return apply(id, { body = body, scope = scope, after = after, undoes = '' })
end

function commands.undo(id, body, ...)
  local done = recorded(id)
  if done then return answer(done) end
  local wanted, undone = {}, {}
  for _, scope in ipairs({ ... }) do wanted[scope] = true end
  for _, other in ipairs(redis.call('LRANGE', ORDER, 0, -1)) do
    local change = recorded(other)
    if change.undoes ~= '' then
      undone[change.undoes] = true
    elseif wanted[change.scope] and not undone[other] then
      local back = { body = body, scope = change.scope, after = change.before }
      back.undoes = other
      return apply(id, back)
    end
  end
  return {}
end

function commands.audit(limit)
  local result = {}
  for _, id in ipairs(redis.call('LRANGE', ORDER, 0, limit - 1)) do
    result[#result + 1] = answer(recorded(id))
  end
  return result
end

-- Erases the routes and changes of all scopes that begin so; how many.
function commands.erase(beginning)
  local count = 0
  for _, scope in ipairs(redis.call('HKEYS', ROUTES)) do
    if string.sub(scope, 1, #beginning) == beginning then
      count = count + redis.call('HDEL', ROUTES, scope)
    end
  end
  for _, id in ipairs(redis.call('LRANGE', ORDER, 0, -1)) do
    if string.sub(recorded(id).scope, 1, #beginning) == beginning then
      count = count + redis.call('HDEL', CHANGES, id)
      redis.call('LREM', ORDER, 1, id)
    end
  end
  return count
end

return commands[ARGV[1]](unpack(ARGV, 2))
