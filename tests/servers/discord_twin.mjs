// Serves npm's discord-digital-twin; people are driven by JSON lines on stdin.
import net from 'node:net'
import path from 'node:path'
import readline from 'node:readline'
import { pathToFileURL } from 'node:url'

// It would listen on every address of the machine.
const listen = net.Server.prototype.listen
net.Server.prototype.listen = function (...given) {
  const port = typeof given[0] === 'object' ? given[0].port : given[0]
  const done = given.find((one) => typeof one === 'function')
  return listen.call(this, { port, host: '127.0.0.1' }, done)
}

const folder = process.argv[2]
const built = path.join(folder, 'node_modules/discord-digital-twin/dist/index.js')
const { DigitalDiscord } = await import(pathToFileURL(built).href)
const ids = { user: '1500000000000000001', channel: '1500000000000000002' }
const discord = new DigitalDiscord({
  botToken: 'twin-token',
  guild: { name: 'Twin', ownerId: ids.user },
  channels: [{ id: ids.channel, name: 'general', type: 0 }],
  users: [{ id: ids.user, username: 'ana' }],
})
await discord.start()
const tell = (what) => process.stdout.write(JSON.stringify(what) + '\n')
tell({ port: discord.port, bot: discord.botUserId, token: discord.botToken, ...ids })
for await (const line of readline.createInterface({ input: process.stdin })) {
  const { say } = JSON.parse(line)
  const message = await discord.channel(ids.channel).user(ids.user).sendMessage({ content: say })
  tell({ id: message.id })
}
await discord.stop()
process.exit(0)
