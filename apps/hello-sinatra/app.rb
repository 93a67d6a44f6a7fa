require 'json'
require 'sinatra'

APPLICATION = JSON.parse(ENV.fetch('VCAP_APPLICATION', '{}'))

get '/crash' do
  exit! 1
end

get '/' do
  content_type :json
  JSON.generate(app: APPLICATION['name'], index: APPLICATION['instance_index'], instance: APPLICATION['instance_id'],
                runtime: "Ruby #{RUBY_VERSION}, Sinatra", pid: Process.pid)
end
