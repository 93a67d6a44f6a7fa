require 'action_controller/railtie'
require 'json'
require 'securerandom'

class HelloRails < Rails::Application
  config.load_defaults 6.1
  config.eager_load = false
  config.hosts.clear
  config.secret_key_base = ENV.fetch('SECRET_KEY_BASE') { SecureRandom.hex(64) }
  config.logger = Logger.new($stderr, level: Logger::WARN)
end

class HelloController < ActionController::API
  APPLICATION = JSON.parse(ENV.fetch('VCAP_APPLICATION', '{}'))

  def index
    render json: { app: APPLICATION['name'], index: APPLICATION['instance_index'],
                   instance: APPLICATION['instance_id'], runtime: "Ruby #{RUBY_VERSION}, Rails", pid: Process.pid }
  end

  def crash
    exit! 1
  end
end

HelloRails.initialize!
HelloRails.routes.draw do
  root to: 'hello#index'
  get 'crash', to: 'hello#crash'
end
